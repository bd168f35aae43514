/** The part of memjs 1.3 that this package stands on, or is compared with. The published types know little of it. */
declare module 'memjs' {
  /** A reply, as memjs's own commands read it. */
  interface Response {
    readonly header: {
      readonly opcode: number
      readonly status: number
      readonly opaque: number
      readonly totalBodyLength: number
    }
    readonly key: Uint8Array
    readonly extras: Uint8Array
    readonly val: Uint8Array
  }

  /** With `quiet`, replies go on until one without a body. */
  type ResponseHandler<R = Response> = ((response: R) => void) & { quiet?: boolean }

  class Server {
    constructor(host?: string, port?: number | string, username?: string, password?: string)
    host: string
    port: number | string
    username: string | undefined
    password: string | undefined
    onResponse(seq: number, handle: ResponseHandler): void
    onError(seq: number, handle: (error: Error) => void): void
    write(request: Uint8Array): void
    sock(...args: unknown[]): void
    close(): void
  }

  interface ClientOptions {
    retries?: number
    failover?: boolean
    logger?: { log(...args: unknown[]): void }
    timeout?: number
    serializer?: object
    username?: string
    password?: string
  }

  class Client<S extends Server = Server> {
    constructor(servers: S[], options: ClientOptions)
    static create(servers?: string, options?: ClientOptions): Client
    get(key: string | Uint8Array): Promise<{ value: Buffer | null }>
    set(key: string, value: string | Uint8Array, options: { expires?: number }): Promise<boolean>
    prepend(key: string, value: string): Promise<boolean>
    servers: S[]
    seq: number
    incrSeq(): void
    perform(
      key: string,
      request: Uint8Array,
      seq: number,
      callback: (error: Error | null, response: Response) => void,
    ): void
    close(): void
  }
}
