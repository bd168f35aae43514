import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type ServerResponse,
} from 'node:http'
import type { AddressInfo } from 'node:net'
import { type MemoryBacking, memoryStore, type Store } from '@holdfast/core'
import {
  createSessions,
  type Session,
  type SessionOptions,
  type Sessions,
} from '@holdfast/core/session'
import { type FakeClock, fakeClock } from '@holdfast/core/testing'
import { onTestFinished } from 'vitest'
import { canarySecret } from '../../../../lab/src/canary.ts'

/** What the stories of sessions share: a fake clock, a store on it, and browsers that keep their cookies. */
export interface Place {
  readonly clock: FakeClock
  readonly store: Store
  readonly sessions: Sessions
}

export const secret = canarySecret('sessions')
/** Whom a session knows: what it holds is as secret as what signs it. */
export const user = canarySecret('user')

export function place(
  options: Partial<SessionOptions> & { readonly backing?: MemoryBacking } = {},
): Place {
  const { backing, ...rest } = options
  const clock = (options.clock as FakeClock | undefined) ?? fakeClock()
  const store = options.store ?? memoryStore({ clock, ...(backing && { backing }) })
  const sessions = createSessions({ secrets: [secret], clock, ...rest, store })
  return { clock, store, sessions }
}

export type Handler = (session: Session, request: Request) => unknown

/** A browser in front of `sessions.handle`: it keeps what it is handed, and shows it again. */
export class Visitor {
  readonly #sessions: Sessions
  cookie: string | undefined
  lastSetCookie: string | undefined

  constructor(sessions: Sessions, cookie?: string) {
    this.#sessions = sessions
    this.cookie = cookie
  }

  async ask(handler: Handler): Promise<Response> {
    const headers = this.cookie === undefined ? {} : { cookie: this.cookie }
    const request = new Request('https://shop.example/', { headers })
    const response = await this.#sessions.handle(request, async (asked, session) => {
      const answer = await handler(session, asked)
      return answer instanceof Response ? answer : Response.json(answer ?? null)
    })
    this.lastSetCookie = undefined
    for (const line of response.headers.getSetCookie()) {
      this.lastSetCookie = line
      this.cookie = line.includes('Max-Age=0') ? undefined : line.split(';')[0]
    }
    return response
  }

  /** What the handler answers, as JSON. */
  async see<T>(handler: (session: Session) => T | Promise<T>): Promise<T> {
    const response = await this.ask(handler)
    if (response.status !== 200) throw new Error(`status ${response.status}`)
    return (await response.json()) as T
  }
}

export type NodeHandler = (
  request: IncomingMessage & { session: Session },
  response: ServerResponse,
) => unknown

/** A server of node:http with the middleware in front; its origin. */
export async function serveNode(sessions: Sessions, handler: NodeHandler): Promise<string> {
  const middleware = sessions.middleware()
  return listen((request, response) =>
    middleware(request, response, (error) => {
      if (error) throw error
      handler(request as IncomingMessage & { session: Session }, response)
    }),
  )
}

export async function listen(listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

export const idOf = (cookie: string | undefined) => cookie?.split('=')[1]?.split('.')[0] ?? ''

export async function stored(
  store: Store,
  id: string,
): Promise<Record<string, unknown> | undefined> {
  const bytes = await store.get(`session:${id}`)
  return bytes && JSON.parse(new TextDecoder().decode(bytes))
}

export const encode = (value: unknown) =>
  new TextEncoder().encode(typeof value === 'string' ? value : JSON.stringify(value))
