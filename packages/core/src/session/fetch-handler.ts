import { unmet } from '../options/expectation.ts'
import type { LiveSession } from './live-session.ts'
import { refusalOf } from './refusal.ts'
import type { Session } from './session.ts'
import type { SessionDesk } from './session-desk.ts'
import { SessionError } from './session-error.ts'

/** Answers a request that has a session. What it throws is its caller's, and nothing of its session is stored. */
export type FetchHandler = (request: Request, session: Session) => Response | Promise<Response>

/** Opens the session, lets the handler answer, and hands its response on once the session is stored. */
export async function handleFetch(
  desk: SessionDesk,
  request: Request,
  handler: FetchHandler,
): Promise<Response> {
  if (typeof handler !== 'function')
    throw unmet('the handler of sessions.handle', 'a function', handler)
  if (typeof request?.headers?.get !== 'function')
    throw unmet('the request of sessions.handle', 'a Request (in Hono: c.req.raw)', request)
  let session: LiveSession
  try {
    session = await desk.open({
      cookie: request.headers.get('cookie'),
      address: undefined,
      header: (name) => request.headers.get(name),
    })
  } catch (error) {
    return refused(error)
  }
  const response = await handler(request, session)
  try {
    if (session.isUnsettled) await session.settle()
  } catch (error) {
    // The response will not be read: whoever makes its body may stop.
    response.body?.cancel().catch(() => undefined)
    if (!(error instanceof SessionError)) desk.failed(error)
    return refused(error)
  }
  session.tellUse()
  const { cookie } = session
  return cookie === undefined ? response : withCookie(response, cookie)
}

function refused(error: unknown): Response {
  const { status, headers, body } = refusalOf(error)
  return new Response(body, { status, headers })
}

function withCookie(response: Response, cookie: string): Response {
  try {
    response.headers.append('set-cookie', cookie)
    return response
  } catch {
    // The headers of a redirect and of a fetched response cannot be changed.
    const { status, statusText, body } = response
    const headers = new Headers(response.headers)
    headers.append('set-cookie', cookie)
    return new Response(body, { status, statusText, headers })
  }
}
