import type { IncomingMessage, ServerResponse } from 'node:http'
import { UnsupportedError } from '../errors.ts'
import { HeldResponse } from './held-response.ts'
import type { LiveSession } from './live-session.ts'
import { refusalOf } from './refusal.ts'
import type { Session } from './session.ts'
import type { SessionDesk } from './session-desk.ts'

/** A request that the middleware has seen. */
export type WithSession = { session: Session }

/**
 * Middleware as Express and Connect call it; with node:http it is called by hand. For the upgrade to a WebSocket, which
 * has no response, it is called with `{}` as one: then what cannot be answered goes to `next`.
 */
export type NodeMiddleware = (
  request: IncomingMessage,
  response: ServerResponse,
  next: (error?: unknown) => void,
) => void

/** Which `createSessions` a session on a request belongs to. */
const desks = new WeakMap<object, SessionDesk>()

export function nodeMiddleware(desk: SessionDesk): NodeMiddleware {
  return (request, response, next) => {
    const there: unknown = (request as Partial<WithSession>).session
    if (there === undefined || there === null) {
      attach(desk, request, response, request, next)
      return
    }
    // Mounted twice: the first one holds the response already.
    if (desks.get(there) === desk) next()
    else
      next(
        new UnsupportedError(
          'request.session is there already, from another middleware; a request has one session, so mount them on different paths',
        ),
      )
  }
}

/**
 * Puts the session on `target` and holds the response; `ready` is not called for a request that is refused, but with
 * the error where there is no response to refuse it with.
 */
export function attach(
  desk: SessionDesk,
  request: IncomingMessage,
  response: ServerResponse,
  target: object,
  ready: (error?: unknown) => void,
): void {
  const begin = (session: LiveSession) => {
    desks.set(session, desk)
    Object.assign(target, { session } satisfies WithSession)
    if (isResponse(response)) new HeldResponse(response, session, desk)
    ready()
  }
  const refused = (error: unknown) => {
    if (isResponse(response)) refuse(response, error)
    else queueMicrotask(() => ready(error))
  }
  let session: LiveSession | Promise<LiveSession>
  try {
    session = desk.open({
      cookie: request.headers.cookie,
      address: request.socket?.remoteAddress,
      header: (name) => request.headers[name]?.toString(),
    })
  } catch (error) {
    refused(error)
    return
  }
  if (session instanceof Promise) {
    // Outside of the promise: what a handler throws is not its rejection.
    session.then((opened) => queueMicrotask(() => begin(opened)), refused)
  } else begin(session)
}

const isResponse = (response: Partial<ServerResponse> | undefined) =>
  typeof response?.writeHead === 'function'

function refuse(response: ServerResponse, error: unknown): void {
  if (response.headersSent || response.writableEnded || response.destroyed) return
  const { status, headers, body } = refusalOf(error)
  // What was to go with the page, a caching of it above all, is not to go with this.
  for (const name of response.getHeaderNames()) response.removeHeader(name)
  response.writeHead(status, headers)
  response.end(body)
}
