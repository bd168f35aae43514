import type { IncomingMessage, ServerResponse } from 'node:http'
import { HeldResponse } from './held-response.ts'
import type { LiveSession } from './live-session.ts'
import { refusalOf } from './refusal.ts'
import type { Session } from './session.ts'
import type { SessionDesk } from './session-desk.ts'

/** A request that the middleware has seen. */
export type WithSession = { session: Session }

/** Middleware as Express and Connect call it; with node:http it is called by hand. */
export type NodeMiddleware = (
  request: IncomingMessage,
  response: ServerResponse,
  next: (error?: unknown) => void,
) => void

export function nodeMiddleware(desk: SessionDesk): NodeMiddleware {
  return (request, response, next) => {
    // Mounted twice: the first one holds the response already.
    if ((request as Partial<WithSession>).session !== undefined) {
      next()
      return
    }
    attach(desk, request, response, request, () => next())
  }
}

/** Puts the session on `target` and holds the response; `ready` is not called for a request that is refused. */
export function attach(
  desk: SessionDesk,
  request: IncomingMessage,
  response: ServerResponse,
  target: object,
  ready: () => void,
): void {
  const begin = (session: LiveSession) => {
    Object.assign(target, { session } satisfies WithSession)
    new HeldResponse(response, session, desk)
    ready()
  }
  let session: LiveSession | Promise<LiveSession>
  try {
    session = desk.open({
      cookie: request.headers.cookie,
      address: request.socket?.remoteAddress,
      header: (name) => request.headers[name]?.toString(),
    })
  } catch (error) {
    refuse(response, error)
    return
  }
  if (session instanceof Promise) {
    session.then(
      // Outside of the promise: what a handler throws is not its rejection.
      (opened) => queueMicrotask(() => begin(opened)),
      (error: unknown) => refuse(response, error),
    )
  } else begin(session)
}

function refuse(response: ServerResponse, error: unknown): void {
  if (response.headersSent || response.writableEnded) return
  const { status, headers, body } = refusalOf(error)
  response.writeHead(status, headers)
  response.end(body)
}
