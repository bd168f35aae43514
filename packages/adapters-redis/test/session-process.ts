import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { createSessions, type Session } from '@holdfast/core/session'
import { canarySecret } from '@holdfast/lab/canary'
import { answer } from '@holdfast/lab/client-protocol'
import { redisStore } from '../src/index.ts'
import type { SessionTraffic } from './session-answers.ts'

/** A service of the stories: sessions over the Redis that its options lead to, and visitors with their cookies. */
const { sessionOptions, ...storeOptions } = JSON.parse(process.argv[2]!) as Record<string, object>
const sessions = createSessions({
  store: redisStore({ host: '127.0.0.1', ...storeOptions }),
  secrets: [canarySecret('stories')],
  ...sessionOptions,
})
sessions.on('error', () => undefined)

async function visit(cookie: string | undefined, act: (session: Session) => unknown) {
  const headers = cookie === undefined ? {} : { cookie }
  const request = new Request('https://shop.example/', { headers })
  const response = await sessions.handle(request, async (_, session) =>
    Response.json((await act(session)) ?? null),
  )
  const [line] = response.headers.getSetCookie()
  return {
    status: response.status,
    cookie: line?.split(';')[0],
    body: response.status === 200 ? await response.json() : null,
    retryAfter: response.headers.get('retry-after'),
  }
}

/** Of many, so many at a time, in their order. */
async function crowd<Item, Result>(
  items: readonly Item[],
  atOnce: number,
  run: (item: Item, index: number) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = []
  let next = 0
  const worker = async () => {
    while (next < items.length) {
      const index = next++
      results[index] = await run(items[index]!, index)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
  return results
}

answer({
  /** New sessions, each with the fields given; their cookies. */
  open: (count: number, fields: Record<string, unknown>) =>
    crowd(Array.from({ length: count }), 50, async () => {
      const { cookie } = await visit(undefined, (session) => {
        for (const [name, value] of Object.entries(fields)) session.set(name, value)
      })
      return cookie
    }),

  /** One request for each cookie: sets a field, a while after its session was read. */
  setInEach: (cookies: readonly string[], field: string, mostMs: number) =>
    crowd(cookies, 20, async (cookie, index) => {
      const { status } = await visit(cookie, async (session) => {
        if (mostMs > 0) await sleep(Math.random() * mostMs)
        session.set(field, index)
      })
      return status
    }),

  /** One request for each cookie that tells of its use, a while after its session was read. */
  touchEach: (cookies: readonly string[], mostMs: number) =>
    crowd(cookies, 20, async (cookie) => {
      const { status } = await visit(cookie, async () => {
        if (mostMs > 0) await sleep(Math.random() * mostMs)
      })
      return status
    }),

  logOutEach: (cookies: readonly string[], mostMs: number) =>
    crowd(cookies, 20, async (cookie) => {
      if (mostMs > 0) await sleep(Math.random() * mostMs)
      return (await visit(cookie, (session) => session.destroy())).status
    }),

  regenerateEach: (cookies: readonly string[]) =>
    crowd(
      cookies,
      20,
      async (cookie) => (await visit(cookie, (session) => session.regenerate())).cookie,
    ),

  /** What each cookie's session holds; `null` for a new one. */
  look: (cookies: readonly string[]) =>
    crowd(cookies, 50, async (cookie) => {
      const { body } = await visit(cookie, (session) => (session.isNew ? null : session.data))
      return body
    }),

  visit: (cookie: string | undefined, field: string, value: unknown) =>
    visit(cookie, (session) => session.set(field, value)),

  destroyAll: (user: string) => sessions.destroyAll(user),
  list: async (user: string) => (await sessions.list(user)).length,

  /** What a caller sees who asks for the outcome himself: the error's kind and how long it took. */
  async refused(cookie: string, verb: 'save' | 'regenerate' | 'destroy') {
    const lag = monitorEventLoopDelay({ resolution: 5 })
    lag.enable()
    const begunAt = performance.now()
    let error: { kind?: string; name?: string; ms?: number } = {}
    await visit(cookie, async (session) => {
      session.set('refused', begunAt)
      try {
        await session[verb]()
      } catch (failure) {
        const { kind, name } = failure as { kind: string; name: string }
        error = { kind, name, ms: performance.now() - begunAt }
      }
      session.delete('refused')
    })
    lag.disable()
    return { ...error, lagMs: lag.max / 1e6 }
  },

  stats: () => sessions.stats(),

  /**
   * Requests that come when they come, whatever became of the ones before: by turns a look and a change of one of the
   * sessions. Each change is the next whole number, so that what was acknowledged can be told from what was not.
   */
  async traffic(
    cookies: readonly string[],
    perSecond: number,
    forMs: number,
  ): Promise<SessionTraffic> {
    const lag = monitorEventLoopDelay({ resolution: 5 })
    lag.enable()
    const since = performance.now()
    const beganAt = performance.timeOrigin + since
    const traffic: SessionTraffic = { beganAt, requests: [], lagMs: 0 }
    const running: Promise<unknown>[] = []
    for (let count = 0; ; count++) {
      const dueMs = (count * 1_000) / perSecond
      if (dueMs >= forMs) break
      const waitMs = dueMs - (performance.now() - since)
      if (waitMs > 0) await sleep(waitMs)
      const index = count % cookies.length
      const writes = Math.floor(count / cookies.length) % 2 === 0
      const begunAt = performance.now()
      running.push(
        visit(cookies[index], (session) => {
          if (session.isNew) return 'new'
          if (writes) session.set(`n${count}`, count)
          return 'known'
        }).then(
          ({ status, body, retryAfter }) => {
            traffic.requests.push({
              index,
              count,
              writes,
              status,
              body: body as string | null,
              hasRetryAfter: retryAfter !== null,
              atMs: begunAt - since,
              ms: performance.now() - begunAt,
            })
          },
          (error: Error) => {
            traffic.requests.push({
              index,
              count,
              writes,
              status: 0,
              body: error.name,
              hasRetryAfter: false,
              atMs: begunAt - since,
              ms: performance.now() - begunAt,
            })
          },
        ),
      )
    }
    await Promise.all(running)
    lag.disable()
    return { ...traffic, lagMs: lag.max / 1e6 }
  },
})
