import { createRequire } from 'node:module'

/** Middleware and handlers, as far as they are needed here: express and express-session bring no types. */
export type Handler = (request: unknown, response: Response, next: () => void) => void
export interface Response {
  send(text: string): void
}

type ExpressSession = { Store: new () => object } & ((options: object) => Handler)
const expressSession = () =>
  createRequire(import.meta.url)('express-session') as unknown as ExpressSession

/** What one request does: looks at the session, or changes it. */
export type Act = 'look' | 'change'

/** Ways to a session in an Express application. Each imports its packages only when it is opened. */
export interface SessionCandidate {
  readonly name: string
  readonly what: string
  /** The middleware, and what a handler does to the session that it put on the request. */
  open(port: number): Promise<{
    readonly middleware: Handler
    readonly start: (request: unknown, fields: Readonly<Record<string, unknown>>) => void
    readonly act: (request: unknown, act: Act) => number
  }>
}

export const weekMs = 7 * 24 * 60 * 60 * 1_000
export const secret = 'a secret for measuring, of forty-two letters'

interface Counted {
  session: Record<string, unknown> & { views?: number }
}

/** All that use express-session are asked in the same way. */
const overExpressSession = async (
  store: (port: number) => Promise<object | undefined>,
  port: number,
) => {
  const made = await store(port)
  return {
    middleware: expressSession()({
      secret,
      resave: false,
      saveUninitialized: false,
      cookie: { maxAge: weekMs },
      ...(made && { store: made }),
    }),
    start(request: unknown, fields: Readonly<Record<string, unknown>>) {
      Object.assign((request as Counted).session, fields)
    },
    act(request: unknown, act: Act) {
      const on = (request as Counted).session
      if (act === 'change') on.views = (on.views ?? 0) + 1
      return on.views ?? 0
    },
  }
}

const connectRedis: SessionCandidate = {
  name: 'connect-redis',
  what: 'express-session with connect-redis over node-redis: the base of all ratios',
  open: (port) =>
    overExpressSession(async () => {
      const { createClient } = await import('redis')
      const { RedisStore } = await import('connect-redis')
      const client = createClient({ url: `redis://127.0.0.1:${port}` })
      await client.connect()
      return new RedisStore({ client, prefix: 'connect:' })
    }, port),
}

const memoryStore: SessionCandidate = {
  name: 'memory',
  what: 'express-session with its MemoryStore, which no other process sees',
  open: (port) => overExpressSession(async () => undefined, port),
}

const expressStore: SessionCandidate = {
  name: 'express-session-store',
  what: 'express-session with Holdfast’s `expressSessionStore` over `redisStore`',
  open: (port) =>
    overExpressSession(async () => {
      const { expressSessionStore } = await import('@holdfast/core/session')
      const { redisStore } = await import('@holdfast/redis')
      return expressSessionStore(expressSession(), redisStore({ host: '127.0.0.1', port }), {
        prefix: 'express:',
      })
    }, port),
}

interface Kept {
  session: { get(name: string): unknown; set(name: string, value: unknown): void }
}

const holdfast: SessionCandidate = {
  name: 'holdfast',
  what: 'Holdfast `createSessions().middleware()` over `redisStore`',
  async open(port) {
    const { createSessions } = await import('@holdfast/core/session')
    const { redisStore } = await import('@holdfast/redis')
    const sessions = createSessions({
      store: redisStore({ host: '127.0.0.1', port }),
      secrets: [secret],
      ttl: '7d',
      idleTimeout: '7d',
      cookie: { secure: false },
    })
    return {
      middleware: sessions.middleware() as unknown as Handler,
      start(request, fields) {
        for (const [name, value] of Object.entries(fields))
          (request as Kept).session.set(name, value)
      },
      act(request, act) {
        const { session } = request as Kept
        const views = Number(session.get('views') ?? 0)
        if (act === 'look') return views
        session.set('views', views + 1)
        return views + 1
      },
    }
  },
}

export const sessionCandidates: readonly SessionCandidate[] = [
  connectRedis,
  memoryStore,
  expressStore,
  holdfast,
]
