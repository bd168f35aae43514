/** What the oracle test calls of it; the package has no types of its own. */
declare module 'http-cache-semantics' {
  type Headers = Readonly<Record<string, string>>
  interface Request {
    readonly url: string
    readonly method: string
    readonly headers: Headers
  }
  export default class CachePolicy {
    constructor(request: Request, response: { readonly status: number; readonly headers: Headers })
    now(): number
    storable(): boolean
    /** Seconds. */
    maxAge(): number
    evaluateRequest(request: Request): {
      readonly response: object | undefined
      readonly revalidation: object | undefined
    }
  }
}
