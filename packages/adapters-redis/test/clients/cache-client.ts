import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Cache, createCache, type EntryOptions } from '@holdfast/core'
import { answer, tell } from '@holdfast/lab/client-protocol'
import { redisBus, redisStore } from '../../src/index.ts'
import type { AtOnce, ClientSettings, Polled, Traffic } from './client-answers.ts'

/** A service of the stories: one cache over the Redis whose port it is given, and loaders that can be told what to do. */
const {
  host = '127.0.0.1',
  port,
  cluster,
  sentinels,
  busPort,
  patient,
  ...options
} = JSON.parse(process.argv[2]!) as ClientSettings
const bus = busPort === undefined ? {} : { bus: redisBus({ host: '127.0.0.1', port: busPort }) }
const where =
  cluster !== undefined
    ? { cluster }
    : sentinels !== undefined
      ? { sentinels: [...sentinels.at], name: sentinels.name }
      : { host, port: port! }
const cache: Cache = createCache({
  store: redisStore({ ...where, ...(patient && { commandTimeout: 5_000 }) }),
  ...(patient && { resilience: { storeTimeout: '5s' } }),
  ...bus,
  ...options,
})
cache.on('error', () => {})
let loads = 0
const held = new Set<() => void>()
const delay = monitorEventLoopDelay({ resolution: 20 })
delay.enable()
let polling: { readonly polled: Promise<Polled>; stop(): void } | undefined

answer({
  /** `callers` calls at once; what each was answered, and when, in milliseconds since the first began. */
  async wrapAtOnce(
    key: string,
    callers: number,
    loadMs: number,
    outcome: string,
    options: EntryOptions,
  ): Promise<AtOnce> {
    const since = performance.now()
    const loadedAt: number[] = []
    const results = await Promise.all(
      Array.from({ length: callers }, async () => {
        try {
          const value = await cache.wrap(
            key,
            async () => {
              loads++
              loadedAt.push(performance.now() - since)
              await sleep(loadMs)
              if (outcome.startsWith('!')) throw new Error(outcome.slice(1))
              return outcome
            },
            options,
          )
          return { value, ms: performance.now() - since }
        } catch (error) {
          return { error: (error as Error).message, ms: performance.now() - since }
        }
      }),
    )
    return { results, loadedAt }
  },

  /** Without a time the load goes on until it is released. */
  wrap: (key: string, loadMs: number | undefined, value: string, options: EntryOptions) =>
    cache.wrap(
      key,
      async () => {
        loads++
        tell('loading', key)
        await (loadMs === undefined
          ? new Promise<void>((resolve) => held.add(resolve))
          : sleep(loadMs))
        return value
      },
      options,
    ),

  /** `count` calls of `wrap` and `get` by turns: how often each value came. */
  async tally(key: string, count: number, loaded: string, options: EntryOptions) {
    const values = await Promise.all(
      Array.from({ length: count }, (_, index) =>
        index % 2 === 0 ? cache.wrap(key, () => loaded, options) : cache.get<string>(key),
      ),
    )
    const tally: Record<string, number> = {}
    for (const value of values) tally[String(value)] = (tally[String(value)] ?? 0) + 1
    return tally
  },

  /** Asks for all keys again and again; when each old value was last asked for and served, as a Unix time. */
  poll(keys: readonly string[], everyMs: number) {
    let on = true
    const polled = (async () => {
      const lastOldAt: Record<string, number> = {}
      while (on) {
        await Promise.all(
          keys.map(async (key) => {
            const askedAt = Date.now()
            if ((await cache.wrap(key, () => 'new')) === 'old') lastOldAt[key] = askedAt
          }),
        )
        await sleep(everyMs)
      }
      return { lastOldAt }
    })()
    polling = {
      polled,
      stop() {
        on = false
      },
    }
  },
  polled() {
    polling?.stop()
    return polling?.polled
  },

  /** Requests that come when they come, whatever became of the ones before. */
  async traffic(
    keys: readonly string[],
    perSecond: number,
    calmMs: number,
    forMs: number,
  ): Promise<Traffic> {
    const lag = monitorEventLoopDelay({ resolution: 5 })
    lag.enable()
    setTimeout(() => lag.reset(), calmMs)
    const since = performance.now()
    const calls: Promise<unknown>[] = []
    const times: { readonly atMs: number; readonly ms: number }[] = []
    const loadedAt: Record<string, number[]> = {}
    let failed = 0
    let wrong = 0
    const one = async (key: string) => {
      const atMs = performance.now() - since
      try {
        const value = await cache.wrap(key, () => {
          loads++
          loadedAt[key] ??= []
          loadedAt[key].push(performance.now() - since)
          return key
        })
        if (value !== key) wrong++
      } catch {
        failed++
      }
      times.push({ atMs, ms: performance.now() - since - atMs })
    }
    for (let sent = 0; performance.now() - since < forMs; ) {
      const due = ((performance.now() - since) / 1_000) * perSecond
      for (; sent < due; sent++) calls.push(one(keys[(sent * 7) % keys.length]!))
      await sleep(2)
    }
    await Promise.all(calls)
    lag.disable()
    return { calls: calls.length, failed, wrong, times, loadedAt, lagMs: lag.max / 1e6 }
  },

  /** `count` calls whose callers leave at a moment of their own; what came under a key that is not its own. */
  async abortMany(count: number, keys: number, loadMs: number) {
    let wrong = 0
    let aborted = 0
    let answered = 0
    let failed = 0
    await Promise.all(
      Array.from({ length: count }, async (_, index) => {
        const key = `aborted-${index % keys}`
        const controller = new AbortController()
        setTimeout(() => controller.abort(), (index * 7919) % (2 * loadMs + 20))
        try {
          const value = await cache.wrap(
            key,
            async () => {
              await sleep(loadMs)
              return key
            },
            { signal: controller.signal },
          )
          answered++
          if (value !== key) wrong++
        } catch (error) {
          if (controller.signal.aborted && error === controller.signal.reason) aborted++
          else failed++
        }
      }),
    )
    return { answered, aborted, failed, wrong }
  },

  get: (key: string) => cache.get(key),
  set: (key: string, value: unknown, options: EntryOptions) => cache.set(key, value, options),
  delete: (key: string) => cache.delete(key),
  expire: (key: string) => cache.expire(key),
  invalidateTags: (tags: string[]) => cache.invalidateTags(tags),
  expireTags: (tags: string[]) => cache.expireTags(tags),
  clear: () => cache.clear(),
  /** Ends all loads that go on until this. */
  release() {
    for (const end of held) end()
    held.clear()
  },
  loads: () => loads,
  stats: () => cache.stats(),
  now: () => Date.now(),
  /** The longest time that this process was kept from running since it was last asked. */
  lagMs() {
    const { max } = delay
    delay.reset()
    return max / 1e6
  },
  block(ms: number) {
    const until = performance.now() + ms
    while (performance.now() < until);
  },
  close: () => cache.close(),
})
