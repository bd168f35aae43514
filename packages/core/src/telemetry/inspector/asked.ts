import type { IncomingMessage } from 'node:http'

/** A question to the inspector, whichever way it came. */
export interface Asked {
  readonly method: string
  readonly query: URLSearchParams
  header(name: string): string | null
  /** What `authorize` is shown. */
  readonly request: Request
  readonly incoming: IncomingMessage | undefined
  /** The body as JSON; `undefined` if it is none, or longer than anything that is asked here. */
  json(): Promise<unknown>
}

/** A key has 4,096 bytes at most, each of which JSON may write as six. */
const mostBodyBytes = 32_768

export function askedByFetch(request: Request): Asked {
  return {
    method: request.method,
    query: new URL(request.url).searchParams,
    header: (name) => request.headers.get(name),
    request,
    incoming: undefined,
    json: () => jsonOf(request.body),
  }
}

export function askedByNode(incoming: IncomingMessage): Asked {
  const { method = 'GET' } = incoming
  const headers = new Headers()
  for (const [name, values] of Object.entries(incoming.headers)) {
    // HTTP/2 has the method and the path among its headers.
    if (name.startsWith(':')) continue
    for (const value of [values ?? []].flat()) headers.append(name, value)
  }
  // The host is the client's word; it only makes the URL whole.
  const named = incoming.headers.host ?? String(incoming.headers[':authority'] ?? '')
  const host = /^[\w.:[\]-]+$/.test(named) ? named : 'localhost'
  const scheme = 'encrypted' in incoming.socket ? 'https' : 'http'
  const target = incoming.url?.startsWith('/') ? incoming.url : '/'
  const whole = `${scheme}://${host}${target}`
  const url = new URL(URL.canParse(whole) ? whole : 'http://localhost/')
  // Some methods that Node takes a Request does not; neither does the inspector.
  const isKnown = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'].includes(method)
  return {
    method,
    query: url.searchParams,
    header: (name) => headers.get(name),
    request: new Request(url, { method: isKnown ? method : 'GET', headers }),
    incoming,
    json() {
      // Middleware such as express.json() may have read it already.
      const { body } = incoming as { body?: unknown }
      return incoming.readableEnded ? Promise.resolve(body) : jsonOf(incoming)
    },
  }
}

async function jsonOf(stream: AsyncIterable<Uint8Array> | null): Promise<unknown> {
  const parts: Uint8Array[] = []
  let bytes = 0
  for await (const part of stream ?? []) {
    bytes += part.byteLength
    if (bytes > mostBodyBytes) return undefined
    parts.push(part)
  }
  try {
    return JSON.parse(Buffer.concat(parts).toString())
  } catch {
    return undefined
  }
}
