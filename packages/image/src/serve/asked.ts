/** A request as the handlers here see it, so that one from Node needs no `Request` unless somebody asks for it. */
export interface Asked {
  readonly method: string
  /** Path and query. */
  readonly target: string
  get(name: string): string | null
  /** The other end of the connection, where there is one to see. */
  readonly address: string | undefined
  readonly signal: AbortSignal | undefined
  request(): Request
}

/** What is to be sent. */
export interface Answer {
  readonly status: number
  readonly headers: readonly (readonly [name: string, value: string])[]
  /** Never changed by whoever sends it: it may be the cache's own. */
  readonly body: Uint8Array | undefined
}

export type Answering = (asked: Asked) => Promise<Answer>

const answering = new WeakMap<object, Answering>()

/** A handler in fetch style that `toNode` can also ask without a `Request` and a `Response`. */
export function handlerOf(answer: Answering): (request: Request) => Promise<Response> {
  const handler = async (request: Request) => {
    const { status, headers, body } = await answer(askedBy(request))
    // A Response copies the bytes it is given, so nobody gets a hand on the cache's own.
    const bytes = body === undefined ? null : (body as Uint8Array<ArrayBuffer>)
    return new Response(bytes, { status, headers: headers.map(([name, value]) => [name, value]) })
  }
  answering.set(handler, answer)
  return handler
}

export const answeringOf = (handler: object): Answering | undefined => answering.get(handler)

function askedBy(request: Request): Asked {
  const { pathname, search } = new URL(request.url)
  return {
    method: request.method,
    target: pathname + search,
    get: (name) => request.headers.get(name),
    address: undefined,
    signal: request.signal,
    request: () => request,
  }
}

/** A few words as a whole answer, for errors. */
export function wordsOf(
  status: number,
  words: string,
  headers: readonly (readonly [string, string])[] = [],
): Answer {
  const body = Buffer.from(words)
  return {
    status,
    body,
    headers: [
      ['content-type', 'text/plain; charset=utf-8'],
      ['content-length', String(body.length)],
      ['cache-control', 'no-store'],
      ['x-content-type-options', 'nosniff'],
      ...headers,
    ],
  }
}
