import { type IncomingMessage, request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import { ImageError } from '../image-error.ts'
import type { Agents } from './agents.ts'
import { noConnection } from './connect.ts'
import { addressLiteral, shown } from './url-rules.ts'

export interface HopRequest {
  readonly url: URL
  readonly method: string
  readonly headers: Headers
  readonly body: Uint8Array | undefined
  readonly signal: AbortSignal
}

/** An answer whose body has not been read. Whoever does not read it destroys it. */
export interface HopAnswer {
  readonly status: number
  readonly statusText: string
  readonly headers: Headers
  readonly message: IncomingMessage
}

/** Answers before the answer (RFC 9110, 15.2) that are listened to. */
const mostInterim = 16

/**
 * One request and the head of its answer, over a connection of `agents`.
 * @throws ImageError of the connection, `network`; the reason of `signal`
 */
export async function exchange(hop: HopRequest, agents: Agents): Promise<HopAnswer> {
  try {
    return await send(hop, agents)
  } catch (error) {
    // A kept connection may be closed by the other side at the moment it is used again: that says nothing of the
    // origin. What may be sent twice goes over a new one.
    if (!(error instanceof StaleConnection)) throw error
    agents.dropIdle(hostOf(hop.url), portOf(hop.url))
    if (hop.method === 'GET' || hop.method === 'HEAD') return retried(hop, agents)
    throw noConnection(hop.url.hostname, error.cause)
  }
}

async function retried(hop: HopRequest, agents: Agents): Promise<HopAnswer> {
  try {
    return await send(hop, agents)
  } catch (error) {
    throw error instanceof StaleConnection ? noConnection(hop.url.hostname, error.cause) : error
  }
}

class StaleConnection extends Error {}

const hostOf = (url: URL): string => addressLiteral(url) ?? url.hostname

function portOf(url: URL): number {
  if (url.port !== '') return Number(url.port)
  return url.protocol === 'https:' ? 443 : 80
}

function send(hop: HopRequest, agents: Agents): Promise<HopAnswer> {
  const { url, signal, body } = hop
  const secure = url.protocol === 'https:'
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason as Error)
    const headers: Record<string, string> = Object.fromEntries(hop.headers)
    if (body !== undefined) headers['content-length'] = String(body.byteLength)
    const request = (secure ? requestHttps : requestHttp)({
      agent: secure ? agents.https : agents.http,
      method: hop.method,
      host: hostOf(url),
      port: portOf(url),
      path: url.pathname + url.search,
      headers: { ...headers, host: url.host },
      // Written out, since flags of the process would open both.
      insecureHTTPParser: false,
      maxHeaderSize: 16_384,
    })
    const abort = () => {
      // Without a socket yet, the request would tell nobody before it has one.
      reject(signal.reason as Error)
      request.destroy(signal.reason as Error)
    }
    signal.addEventListener('abort', abort, { once: true })
    request.on('error', (error) => {
      signal.removeEventListener('abort', abort)
      if (error instanceof ImageError) reject(error)
      else if (request.reusedSocket) reject(new StaleConnection('closed', { cause: error }))
      else if (/^HPE_/.test(String((error as NodeJS.ErrnoException).code)))
        reject(noHttp(url, error))
      else reject(noConnection(url.hostname, error))
    })
    request.on('response', (message) => {
      const ended = () => signal.removeEventListener('abort', abort)
      message.once('close', ended)
      // Until somebody reads the body, its errors are nobody's.
      message.on('error', () => {})
      resolve({
        status: message.statusCode ?? 0,
        statusText: message.statusMessage ?? '',
        headers: answerHeaders(message.rawHeaders),
        message,
      })
    })
    let interim = 0
    request.on('information', () => {
      if (++interim > mostInterim) request.destroy(noHttp(url, undefined))
    })
    // An answer that wants another protocol is none.
    request.on('upgrade', (_message, socket) => {
      socket.destroy()
      reject(new ImageError('status', `${shown(url)} wants another protocol`))
    })
    request.end(body)
  })
}

/** Headers without end, a length that is none: it will be the same the next time. */
function noHttp(url: URL, cause: unknown): ImageError {
  const message = `${shown(url)} sends something that is no answer of HTTP`
  return new ImageError('network', message, { cause, retryable: false })
}

/** All headers in the order they came, repeated ones too. */
function answerHeaders(raw: readonly string[]): Headers {
  const headers = new Headers()
  for (let place = 0; place + 1 < raw.length; place += 2) {
    // A name or value that no Headers object may hold is not handed on.
    try {
      headers.append(raw[place]!, raw[place + 1]!)
    } catch {}
  }
  return headers
}
