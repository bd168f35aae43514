import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import type { SessionStats } from '@holdfast/core/session'
import { canarySecret } from '@holdfast/lab/canary'
import { type ClientProcess, startProcess } from '@holdfast/lab/client-process'
import { type RedisServer, startRedis } from '@holdfast/lab/redis-server'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import type { SessionTraffic } from './session-answers.ts'

const file = new URL('./session-process.ts', import.meta.url)
const start = (options: object): Promise<ClientProcess> =>
  startProcess(file, { args: [JSON.stringify(options)] })
const races = 1_000
const upTo = (count: number) => Array.from({ length: count }, (_, index) => index)

describe.each(['redis', 'valkey'] as const)('sessions in two processes over %s', (engine) => {
  let server: RedisServer
  let one: ClientProcess
  let two: ClientProcess
  beforeAll(async () => {
    server = await startRedis({ engine, config: { 'maxmemory-policy': 'noeviction' } })
    // Patient, since what is measured here is not time, and other tests run meanwhile.
    const options = { port: server.port, commandTimeout: 5_000 }
    const sessionOptions = { idleTimeout: '30m', retryFor: '20s' }
    ;[one, two] = (await Promise.all([
      start({ ...options, sessionOptions }),
      start({ ...options, sessionOptions }),
    ])) as [ClientProcess, ClientProcess]
  })
  afterAll(async () => {
    await Promise.all([one?.stop(), two?.stop()])
    await server?.stop()
  })
  const open = (count: number, fields: object = { basket: 'b' }) =>
    one.call<string[]>('open', count, fields)

  test('1,000 races of requests that change different fields lose none', async () => {
    const cookies = await open(races)
    const statuses = await heats(cookies, (some) => [
      one.call<number[]>('setInEach', some, 'a', 20),
      two.call<number[]>('setInEach', some, 'b', 20),
    ])
    expect(statuses.flat(2).filter((status) => status !== 200)).toEqual([])
    const found = await two.call<Record<string, unknown>[]>('look', cookies)
    const lost = found.filter((data) => data?.a === undefined || data.b === undefined)
    expect(lost).toEqual([])
    const stats = await Promise.all([one, two].map((each) => each.call<SessionStats>('stats')))
    // They did meet.
    expect(stats[0]!.conflicts + stats[1]!.conflicts).toBeGreaterThan(races / 20)
  })

  test('1,000 races of a logout against a late save and a touch revive none', async () => {
    const cookies = await open(races)
    const early = await open(races)
    const before = (await two.call<SessionStats>('stats')).dropped
    await heats(cookies, (some) => [
      one.call('logOutEach', some, 20),
      two.call('setInEach', some, 'late', 20),
      two.call('touchEach', some, 20),
    ])
    const there = await server.command('EXISTS', ...cookies.map(keyOf))
    expect(there).toBe(0)
    expect(await two.call('look', cookies)).toEqual(upTo(races).map(() => null))
    // Others were left alone.
    expect(await server.command('EXISTS', ...early.map(keyOf))).toBe(races)
    expect((await two.call<SessionStats>('stats')).dropped - before).toBeGreaterThan(races / 20)
  })

  test('an id that was changed is dead in the other process at once', async () => {
    const cookies = await open(200)
    const moved = await one.call<string[]>('regenerateEach', cookies)
    expect(await two.call('look', cookies)).toEqual(cookies.map(() => null))
    expect(await two.call('look', moved)).toEqual(moved.map(() => ({ basket: 'b' })))
  })

  test('200 logins of one user in both processes are all listed, and end at once', async () => {
    const user = `many-${engine}`
    const cookies = (
      await Promise.all(
        [one, two].map((each) => each.call<string[]>('open', 100, { user_id: user })),
      )
    ).flat()
    expect(await one.call('list', user)).toBe(200)
    expect(await two.call('destroyAll', user)).toBe(200)
    expect(await one.call('look', cookies)).toEqual(cookies.map(() => null))
    expect(await one.call('list', user)).toBe(0)
  })

  test('what other services read is plain JSON under session:{id}, which the server ends by itself', async () => {
    const [cookie] = await open(1, { user_id: canarySecret('user'), permissions: ['read'] })
    const key = keyOf(cookie!)
    const text = String(await server.command('GET', key))
    expect(text).toMatch(/^\{"version":"[0-9a-f]{16}",/)
    expect(JSON.parse(text)).toMatchObject({ user_id: canarySecret('user'), permissions: ['read'] })
    expect(Number(await server.command('PTTL', key))).toBeGreaterThan(29 * 60_000)
    expect(Number(await server.command('PTTL', key))).toBeLessThanOrEqual(30 * 60_000)
  })
})

interface Refused {
  readonly kind: string
  readonly name: string
  readonly ms: number
  /** How late the process was at most meanwhile. */
  readonly lagMs: number
}

describe.each(['redis', 'valkey'] as const)('sessions over a %s that fails', (engine) => {
  async function service(config: Record<string, string> = {}) {
    const server = await startRedis({
      engine,
      config: { 'maxmemory-policy': 'noeviction', ...config },
    })
    const client = await start({ port: server.port })
    onTestFinished(async () => {
      server.resume()
      await client.stop()
      await server.stop()
    })
    return { server, client }
  }

  test('stopped under 100 requests a second, each is answered within 2 s, none with a new session, and none is lost', async () => {
    const { server, client } = await service()
    const cookies = await client.call<string[]>('open', 50, { user_id: canarySecret('user') })
    const traffic = client.call<SessionTraffic>('traffic', cookies, 100, 7_000)
    await sleep(1_000)
    server.pause()
    await sleep(3_000)
    server.resume()
    const { requests, lagMs } = await traffic
    expect(requests).toHaveLength(700)
    expect(requests.filter(({ body }) => body === 'new')).toEqual([])
    const refused = requests.filter(({ status }) => status !== 200)
    expect(refused.length).toBeGreaterThan(50)
    expect(refused.filter(({ status, hasRetryAfter }) => status !== 503 || !hasRetryAfter)).toEqual(
      [],
    )
    expect(Math.max(...requests.map(({ ms }) => ms))).toBeLessThan(2_000 + 2 * lagMs)
    // What was acknowledged is there; what was refused may be, as its answer may have got lost.
    const found = await client.call<(Record<string, unknown> | null)[]>('look', cookies)
    expect(missing(requests, found)).toEqual([])
    const last = requests.filter(({ atMs }) => atMs > 6_500)
    expect(last.every(({ status }) => status === 200)).toBe(true)
  }, 60_000)

  test('killed, it is a 503 within 2 s; started again empty, a new session is begun openly', async () => {
    const { server, client } = await service()
    const [cookie] = await client.call<string[]>('open', 1, { user_id: canarySecret('user') })
    await server.kill()
    const lag = monitorEventLoopDelay({ resolution: 5 })
    lag.enable()
    const begunAt = performance.now()
    const answered = await client.call<{ status: number }>('visit', cookie, 'a', 1)
    expect(answered.status).toBe(503)
    const tookMs = performance.now() - begunAt
    lag.disable()
    // What goes to the other process and comes back is late with either of them.
    expect(tookMs).toBeLessThan(2_500 + 4 * (lag.max / 1e6))
    await server.restart()
    await expect
      .poll(
        async () => (await client.call<{ status: number }>('visit', undefined, 'a', 1)).status,
        {
          timeout: 10_000,
        },
      )
      .toBe(200)
  }, 60_000)

  test('full (OOM with noeviction), a change is refused typed within 500 ms, and reads and logouts go on', async () => {
    const { server, client } = await service()
    const cookies = await client.call<string[]>('open', 3, { user_id: canarySecret('user') })
    await server.command('CONFIG', 'SET', 'maxmemory', '1')
    for (const verb of ['save', 'regenerate']) {
      const refused = await client.call<Refused>('refused', cookies[0], verb)
      expect(refused).toMatchObject({ name: 'SessionError', kind: 'full' })
      expect(refused.ms).toBeLessThan(500 + 2 * refused.lagMs)
    }
    const answered = await client.call<{ status: number; retryAfter: string }>(
      'visit',
      cookies[0],
      'a',
      1,
    )
    expect([answered.status, Number(answered.retryAfter) > 0]).toEqual([503, true])
    expect(await client.call('look', cookies)).toEqual(
      cookies.map(() => ({ user_id: canarySecret('user') })),
    )
    await client.call('logOutEach', [cookies[1]], 0)
    await server.command('CONFIG', 'SET', 'maxmemory', '0')
    expect(await client.call('look', cookies)).toEqual([
      { user_id: canarySecret('user') },
      null,
      { user_id: canarySecret('user') },
    ])
  })

  test('read-only (a replica), a change is refused typed within 500 ms and as a 503', async () => {
    const { server, client } = await service()
    const [cookie] = await client.call<string[]>('open', 1, { user_id: canarySecret('user') })
    // A replica of nobody: it keeps what it has.
    await server.command('REPLICAOF', '127.0.0.1', '1')
    const refused = await client.call<Refused>('refused', cookie, 'save')
    expect(refused.kind).toBe('read-only')
    expect(refused.ms).toBeLessThan(500 + 2 * refused.lagMs)
    expect((await client.call<{ status: number }>('visit', cookie, 'a', 1)).status).toBe(503)
    await server.command('REPLICAOF', 'NO', 'ONE')
    await expect
      .poll(async () => (await client.call<{ status: number }>('visit', cookie, 'a', 1)).status, {
        timeout: 10_000,
      })
      .toBe(200)
    expect(await client.call('look', [cookie])).toEqual([{ user_id: canarySecret('user'), a: 1 }])
  })
})

/** Races in heats, so that both processes are at the same sessions at the same time. */
async function heats<T>(
  cookies: readonly string[],
  run: (some: readonly string[]) => Promise<T>[],
): Promise<T[][]> {
  const results: T[][] = []
  for (let from = 0; from < cookies.length; from += 20) {
    results.push(await Promise.all(run(cookies.slice(from, from + 20))))
  }
  return results
}

const keyOf = (cookie: string) => `session:${cookie.split('=')[1]!.split('.')[0]}`

/** Changes that were answered with success, and are not there. */
function missing(
  requests: SessionTraffic['requests'],
  found: readonly (Record<string, unknown> | null)[],
): number[] {
  return requests
    .filter(({ writes, status }) => writes && status === 200)
    .filter(({ index, count }) => found[index]?.[`n${count}`] !== count)
    .map(({ count }) => count)
}
