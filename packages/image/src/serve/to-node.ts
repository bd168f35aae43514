import type { IncomingMessage, ServerResponse } from 'node:http'
import { unmet } from '@holdfast/core/adapter'
import { type Answer, type Answering, type Asked, answeringOf, wordsOf } from './asked.ts'

/** What a handler that wants a body is given at most. */
const mostBodyBytes = 1_000_000

/**
 * A handler in fetch style as one for node:http, Express and Connect. Those of this package are asked without a
 * `Request` and a `Response`, and write the cache's own bytes to the socket, uncopied. Failures that a handler does
 * not answer itself go to `next`, or are a 500 that says nothing.
 * @throws InvalidOptionError
 */
export function toNode(
  handler: (request: Request) => Response | Promise<Response>,
): (request: IncomingMessage, response: ServerResponse, next?: (error: unknown) => void) => void {
  if (typeof handler !== 'function')
    throw unmet('the handler of toNode', 'a function, such as createImageHandler(images)', handler)
  const answer = answeringOf(handler) ?? throughFetch(handler)
  return (request, response, next) => {
    respond(answer, request, response).catch((error: unknown) => {
      if (next !== undefined && !response.headersSent) next(error)
      else if (response.headersSent) response.destroy()
      else response.writeHead(500, { 'cache-control': 'no-store' }).end()
    })
  }
}

async function respond(
  answer: Answering,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { status, headers, body } = await answer(new NodeAsked(request, response))
  // The client may have left.
  if (response.destroyed) return
  response.writeHead(status, flatOf(headers))
  response.end(body)
}

const flatLists = new WeakMap<Answer['headers'], string[]>()

/** Names and values in one list, which Node writes as it is. Those of a hit are the same for a second. */
function flatOf(headers: Answer['headers']): string[] {
  let flat = flatLists.get(headers)
  if (flat === undefined) {
    flat = headers.flat()
    flatLists.set(headers, flat)
  }
  return flat
}

class NodeAsked implements Asked {
  readonly #incoming: IncomingMessage
  readonly #response: ServerResponse
  #controller: AbortController | undefined

  constructor(incoming: IncomingMessage, response: ServerResponse) {
    this.#incoming = incoming
    this.#response = response
  }

  get method(): string {
    return this.#incoming.method ?? 'GET'
  }

  get target(): string {
    const target = this.#incoming.url ?? '/'
    if (target.startsWith('/') && !target.includes('#')) return target
    // The whole URL is a right way to ask too (RFC 9112, 3.2.2); its scheme and host mean nothing here.
    const path = target.replace(/^https?:\/\/[^/?#]*/i, '').split('#', 1)[0]!
    return path.startsWith('/') ? path : '/'
  }

  get(name: string): string | null {
    const value = this.#incoming.headers[name]
    return Array.isArray(value) ? value.join(', ') : (value ?? null)
  }

  get address(): string | undefined {
    return this.#incoming.socket.remoteAddress
  }

  /** Aborts when the client leaves before it has been answered. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      const controller = new AbortController()
      this.#controller = controller
      this.#response.once('close', () => {
        if (!this.#response.writableFinished) controller.abort()
      })
    }
    return this.#controller.signal
  }

  /** Without a body: handlers that want one take it by `bodyOf`. */
  request(): Request {
    return requestOf(this.#incoming, this.target, this.signal, undefined)
  }

  /** `undefined`: its body is too long. */
  async requestWithBody(): Promise<Request | undefined> {
    if (this.method === 'GET' || this.method === 'HEAD') return this.request()
    const body = await bodyOf(this.#incoming)
    if (body === undefined) return undefined
    return requestOf(this.#incoming, this.target, this.signal, body)
  }
}

function requestOf(
  incoming: IncomingMessage,
  target: string,
  signal: AbortSignal,
  body: Buffer | undefined,
): Request {
  const headers = new Headers()
  for (const [name, value] of Object.entries(incoming.headers)) {
    // Of HTTP/2: what HTTP/1 says in its first line.
    if (name.startsWith(':') || value === undefined) continue
    for (const each of Array.isArray(value) ? value : [value]) headers.append(name, each)
  }
  // The host is the client's word; it only makes the URL whole.
  const host = /^[\w.:[\]-]+$/.test(incoming.headers.host ?? '')
    ? incoming.headers.host
    : 'localhost'
  const scheme = 'encrypted' in incoming.socket ? 'https' : 'http'
  return new Request(`${scheme}://${host}${target}`, {
    method: incoming.method ?? 'GET',
    headers,
    signal,
    ...(body === undefined ? {} : { body: new Uint8Array(body) }),
  })
}

/** `undefined`: it is longer than anybody here takes. */
async function bodyOf(incoming: IncomingMessage): Promise<Buffer | undefined> {
  const parts: Buffer[] = []
  let bytes = 0
  for await (const part of incoming as AsyncIterable<Buffer>) {
    bytes += part.length
    if (bytes > mostBodyBytes) return undefined
    parts.push(part)
  }
  return Buffer.concat(parts)
}

function throughFetch(handler: (request: Request) => Response | Promise<Response>): Answering {
  return async (asked): Promise<Answer> => {
    const request = asked instanceof NodeAsked ? await asked.requestWithBody() : asked.request()
    if (request === undefined) return wordsOf(413, 'size', [['connection', 'close']])
    const response = await handler(request)
    const body = response.body === null ? undefined : new Uint8Array(await response.arrayBuffer())
    return { status: response.status, headers: [...response.headers], body }
  }
}
