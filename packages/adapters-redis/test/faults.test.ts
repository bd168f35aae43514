import { monitorEventLoopDelay } from 'node:perf_hooks'
import { StoreError } from '@holdfast/core'
import { type FaultProxy, startFaultProxy } from '@holdfast/lab/fault-proxy'
import { type ReplyFault, type Scenario, scenarios } from '@holdfast/lab/fault-scenarios'
import { type RedisServer, startRedis } from '@holdfast/lab/redis-server'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { type RedisStore, redisStore } from '../src/index.ts'

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))
const minute = { ttlMs: 60_000 }
const names = Array.from({ length: 97 }, (_, index) => `key:${index}`)
/** A value names its key, and is long enough that replies are cut and joined on the way. */
const bytesOf = (name: string) => Buffer.from(`${name}|`.repeat(20))

const commandTimeout = 300
/** The wait for a connection that proves itself, the deadline, and what is forgiven a blocked event loop. */
const settledByMs = 200 + commandTimeout + 2 * 50 + 50

async function connected(store: RedisStore): Promise<void> {
  for (let tries = 0; tries < 1_000; tries++) {
    if ((await store.get('connected').catch(() => 'away')) !== 'away') return
    await sleep(10)
  }
  expect.unreachable('not connected within 10 s')
}

let server: RedisServer
beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.stop())

async function behindProxy(): Promise<{ proxy: FaultProxy; store: RedisStore }> {
  const proxy = await startFaultProxy({ upstream: { port: server.port }, framing: 'resp' })
  const store = redisStore({ port: proxy.port, host: '127.0.0.1', commandTimeout })
  onTestFinished(async () => {
    await store.close()
    await proxy.stop()
  })
  await connected(store)
  await store.setMany(names.map((key) => ({ key, bytes: bytesOf(key), ttlMs: 600_000 })))
  return { proxy, store }
}

interface Outcome {
  answered: number
  failed: number
  wrong: number
  untyped: number
  slowestMs: number
  /** How much of that was this machine, which runs other tests at the same time. */
  lagMs: number
  kinds: Record<string, number>
}

/** Operations from callers that each begin in a callback of their own, every answer compared with its key. */
async function operate(
  store: RedisStore,
  goesOn: (outcome: Outcome) => boolean,
  callers = 50,
): Promise<Outcome> {
  const outcome: Outcome = {
    answered: 0,
    failed: 0,
    wrong: 0,
    untyped: 0,
    slowestMs: 0,
    lagMs: 0,
    kinds: {},
  }
  const check = (name: string, bytes: Uint8Array | undefined) => {
    if (bytes !== undefined && !bytesOf(name).equals(bytes)) outcome.wrong++
  }
  let begun = 0
  const one = async (number: number) => {
    const name = names[(number * 31) % names.length]!
    const other = names[(number * 17) % names.length]!
    switch (number % 10) {
      case 0:
        return store.set(name, bytesOf(name), minute)
      case 1:
        return check(name, await store.add(name, bytesOf(name), minute))
      case 2: {
        const answers = await store.getMany([name, 'gap', other])
        check(name, answers[0])
        check('gap', answers[1])
        return check(other, answers[2])
      }
      default:
        return check(name, await store.get(name))
    }
  }
  const caller = async () => {
    while (goesOn(outcome)) {
      const number = begun++
      const beganAt = performance.now()
      try {
        await one(number)
        outcome.answered++
      } catch (error) {
        outcome.failed++
        if (error instanceof StoreError) {
          outcome.kinds[error.kind] = (outcome.kinds[error.kind] ?? 0) + 1
        } else outcome.untyped++
      }
      outcome.slowestMs = Math.max(outcome.slowestMs, performance.now() - beganAt)
      // Without a connection calls fail at once; a caller that never rested would only burn the machine.
      await (outcome.failed > 0 && number % 5 === 0
        ? sleep(1)
        : new Promise<void>((resolve) => setImmediate(resolve)))
    }
  }
  const lag = monitorEventLoopDelay({ resolution: 5 })
  lag.enable()
  await Promise.all(Array.from({ length: callers }, caller))
  lag.disable()
  outcome.lagMs = lag.max / 1e6
  return outcome
}

const until = (answers: number) => (outcome: Outcome) => outcome.answered < answers

function during(ms: number): () => boolean {
  const endsAt = performance.now() + ms
  return () => performance.now() < endsAt
}

async function recovers(store: RedisStore, withinMs: number): Promise<number> {
  const startedAt = performance.now()
  for (;;) {
    const bytes = await store.get(names[0]!).catch(() => undefined)
    const tookMs = performance.now() - startedAt
    if (bytes !== undefined && bytesOf(names[0]!).equals(bytes)) return tookMs
    expect(tookMs, 'time to recover').toBeLessThan(withinMs)
    await sleep(10)
  }
}

const every = (kind: ReplyFault['kind'], count: number): Scenario => ({
  toClient: { replies: [{ kind, nth: { every: count } }] },
})

describe('20,000 operations, and no answer under a wrong key', () => {
  test.each<[string, Scenario]>([
    ['while replies are lost', every('drop', 150)],
    ['while replies change places', every('swap', 150)],
    ['while replies are garbage', every('garbage', 150)],
    ['while replies break off and nothing follows', every('half', 150)],
    ['while connections are reset in the middle of a reply', every('reset', 150)],
    [
      'while the network cuts and delays everything',
      { toClient: { slice: { bytes: 700, pauseMs: 0 }, jitterMs: 3 } },
    ],
  ])(
    '%s',
    async (_, scenario) => {
      // Several at once: each loses its connection again and again, and waits for the next one.
      const pairs = await Promise.all(Array.from({ length: 20 }, behindProxy))
      for (const { proxy } of pairs) proxy.use(scenario)
      const outcomes = await Promise.all(pairs.map(({ store }) => operate(store, until(1_000))))
      for (const outcome of outcomes) {
        expect(outcome).toMatchObject({ wrong: 0, untyped: 0 })
        expect(outcome.slowestMs - 2 * outcome.lagMs).toBeLessThan(settledByMs)
      }
      const [{ proxy, store }] = pairs as [(typeof pairs)[0]]
      proxy.use(scenarios.healthy)
      await recovers(store, 3_000)
      expect(await operate(store, until(500))).toMatchObject({ failed: 0, wrong: 0 })
    },
    60_000,
  )

  test.each([1, 2, 7])(
    'while replies are lost and %s callers wait for each other',
    async (callers) => {
      const { proxy, store } = await behindProxy()
      proxy.use(every('drop', 40))
      const outcome = await operate(store, during(1_000), callers)
      expect(outcome).toMatchObject({ wrong: 0, untyped: 0 })
      expect(outcome.slowestMs - 2 * outcome.lagMs).toBeLessThan(settledByMs)
    },
    60_000,
  )
})

describe('every operation settles by its deadline', () => {
  test.each<[string, Scenario]>([
    ['replies come 2 s late', scenarios.slowReplies],
    ['the network swallows everything', scenarios.blackHole],
    ['the other end is gone and nobody said so', scenarios.halfOpen],
    ['requests arrive and replies do not', scenarios.oneWay],
    ['connections are reset at once', scenarios.reset],
  ])(
    'when %s, and it recovers within 3 s',
    async (_, scenario) => {
      const { proxy, store } = await behindProxy()
      const running = operate(store, during(1_200))
      await sleep(100)
      proxy.use(scenario)
      const outcome = await running
      expect(outcome).toMatchObject({ wrong: 0, untyped: 0 })
      expect(outcome.slowestMs - 2 * outcome.lagMs).toBeLessThan(settledByMs)
      expect(outcome.failed).toBeGreaterThan(0)
      proxy.use(scenarios.healthy)
      // A reply that is 2 s late may be the one a new connection waits for: it counts from when the network is well.
      await recovers(store, 3_000 + commandTimeout)
    },
    30_000,
  )

  test('a connection on which nothing comes is given up within a second', async () => {
    const { proxy, store } = await behindProxy()
    proxy.use(scenarios.blackHole)
    const startedAt = performance.now()
    await expect(store.get('a')).rejects.toMatchObject({ kind: 'timeout' })
    while (proxy.accepted < 2) {
      expect(performance.now() - startedAt).toBeLessThan(1_000 + 1_700)
      await sleep(5)
    }
  })

  test('when the server is stopped: afterwards a call fails at once, and nothing waits', async () => {
    const stopped = await startRedis()
    const store = redisStore({ port: stopped.port, commandTimeout })
    onTestFinished(async () => {
      stopped.resume()
      await store.close()
      await stopped.stop()
    })
    await connected(store)
    for (const name of names) await store.set(name, bytesOf(name), minute)
    stopped.pause()
    const outcome = await operate(store, during(1_200))
    expect(outcome).toMatchObject({ wrong: 0, untyped: 0 })
    expect(outcome.slowestMs - 2 * outcome.lagMs).toBeLessThan(settledByMs)
    const startedAt = performance.now()
    await expect(store.get('a')).rejects.toMatchObject({ retryable: true })
    expect(performance.now() - startedAt).toBeLessThan(10)
    stopped.resume()
    await recovers(store, 3_000)
  })

  test('when the server is killed, and it recovers within 3 s of its return', async () => {
    const killed = await startRedis()
    const store = redisStore({ port: killed.port, commandTimeout })
    onTestFinished(async () => {
      await store.close()
      await killed.stop()
    })
    await connected(store)
    const running = operate(store, during(1_200))
    await killed.kill()
    expect(await running).toMatchObject({ wrong: 0, untyped: 0 })
    await killed.restart()
    await killed.command('SET', names[0]!, bytesOf(names[0]!))
    await recovers(store, 3_000)
  })
})

test('an event loop that was blocked for 2 s causes no false timeout', async () => {
  const store = redisStore({ port: server.port, commandTimeout: 200 })
  onTestFinished(() => store.close())
  await connected(store)
  await store.setMany(names.map((key) => ({ key, bytes: bytesOf(key), ttlMs: 600_000 })))
  const calls = names.flatMap((name) => [
    store.get(name),
    store.set(name, bytesOf(name), minute),
    store.add(name, bytesOf(name), minute),
  ])
  // Some are written, some are still collected, and none can be answered.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2_000)
  const settled = await Promise.allSettled(calls)
  expect(settled.filter(({ status }) => status === 'rejected')).toEqual([])
})

describe('a write that timed out before it was written is never executed later', () => {
  test('when the server was away', async () => {
    const away = await startRedis()
    onTestFinished(() => away.stop())
    await away.kill()
    const store = redisStore({ port: away.port, commandTimeout })
    onTestFinished(() => store.close())
    for (const name of ['a', 'b', 'c'])
      await expect(store.set(name, bytesOf(name), minute)).rejects.toThrow()
    await expect(
      store.setMany([{ key: 'd', bytes: bytesOf('d'), ttlMs: 60_000 }]),
    ).rejects.toThrow()
    await away.restart()
    await connected(store)
    await sleep(100)
    expect(await away.command('DBSIZE')).toBe(0)
  })

  test('when the connection was being made', async () => {
    const { proxy, store: first } = await behindProxy()
    await first.close()
    proxy.use({ toClient: { latencyMs: 400 } })
    const store = redisStore({ port: proxy.port, connectTimeout: 3_000 })
    onTestFinished(() => store.close())
    await expect(store.set('zombie', bytesOf('zombie'), minute)).rejects.toMatchObject({
      kind: 'timeout',
    })
    proxy.use(scenarios.healthy)
    await recovers(store, 3_000)
    expect(await server.command('EXISTS', 'zombie')).toBe(0)
  })

  test('when the connection had to prove itself, and when only part of it had gone out', async () => {
    const stopped = await startRedis()
    const store = redisStore({
      port: stopped.port,
      commandTimeout,
      maxValueBytes: 64 * 1024 * 1024,
    })
    onTestFinished(async () => {
      stopped.resume()
      await store.close()
      await stopped.stop()
    })
    await connected(store)
    stopped.pause()
    // Far more than the sockets between here and there take, so the rest waits on this side.
    const large = store.set('large', new Uint8Array(60 * 1024 * 1024), minute)
    await expect(large).rejects.toMatchObject({ kind: 'timeout' })
    await expect(store.set('later', bytesOf('later'), minute)).rejects.toBeInstanceOf(StoreError)
    // Until the connection has been given up.
    await sleep(commandTimeout + 200)
    stopped.resume()
    await connected(store)
    await sleep(100)
    expect(await stopped.command('KEYS', '*')).toEqual([])
  })
})

test('a fleet that loses its server at once does not come back at once', async () => {
  const proxy = await startFaultProxy({ upstream: { port: server.port } })
  const stores = Array.from({ length: 100 }, () => redisStore({ port: proxy.port }))
  onTestFinished(async () => {
    await Promise.all(stores.map((store) => store.close()))
    await proxy.stop()
  })
  await Promise.all(stores.map((store) => store.get('a').catch(() => undefined)))
  while (proxy.standing < 100) await sleep(10)
  const before = proxy.accepted
  proxy.resetAll()
  while (proxy.accepted < before + 100) await sleep(10)
  const again = proxy.acceptedAt.slice(before, before + 100)
  const busiest = Math.max(
    ...again.map((from) => again.filter((at) => at >= from && at < from + 100).length),
  )
  expect(busiest).toBeLessThanOrEqual(20)
})
