import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Cache, createCache, type ResilienceOptions } from '@holdfast/core'
import type { RedisStore } from '../src/index.ts'

/** What became of calls while something happened to the servers. Times in milliseconds of `performance.now()`. */
export interface Told {
  readonly wraps: number
  readonly failedWraps: number
  /** When reads of the other process began that were answered with what had been deleted before. */
  readonly staleAt: readonly number[]
  /** The same, of the process that deleted it. */
  readonly ownStale: number
  readonly deletes: number
  /** Why deletes were reported as not having reached the store. */
  readonly reportedDeletes: readonly string[]
  /** What went wrong with the store, each once. */
  readonly troubles: readonly string[]
  /** When writes through the cache were acknowledged. */
  readonly writtenAt: readonly number[]
  /** Names and times of writes that the server acknowledged. */
  readonly stored: readonly { readonly name: string; readonly at: number }[]
  readonly slowestWrapMs: number
  readonly lagMs: number
}

export interface Traffic {
  /** Changes, once, what a hundred further keys stand for, and says so; they are read as all others are. */
  changeOnce(): Promise<void>
  stop(): Promise<Told>
}

const keyCount = 60
const onceCount = 100

/**
 * Two caches over stores of their own, as two processes have them. One changes what the keys stand for, says so, and
 * reads; the other only reads. Whatever a read says is held against what was so when it began. Beside them writes go
 * to the store alone, one every 10 ms, to see which of them survive.
 */
export async function startTraffic(
  open: () => RedisStore,
  resilience: ResilienceOptions = {},
): Promise<Traffic> {
  const stores = [open(), open(), open()] as const
  const [changing, reading] = stores.slice(0, 2).map((store) =>
    createCache({
      ...{ store, memory: false, name: 'traffic', resilience },
      defaults: { ttl: '10m', jitter: 0 },
    }),
  ) as [Cache, Cache]
  const troubles = new Set<string>()
  for (const cache of [changing, reading])
    cache.on('error', ({ error }) => troubles.add(String(error)))
  const keys = Array.from({ length: keyCount }, (_, index) => `key-${index}`)
  const once = Array.from({ length: onceCount }, (_, index) => `once-${index}`)
  const all = [...keys, ...once]
  /** What a key stands for, and what it stood for when it was last said to have changed. */
  const origin = new Map(all.map((key) => [key, 0]))
  const said = new Map(all.map((key) => [key, 0]))
  const changed = new Map<string, Promise<void>>()
  const staleAt: number[] = []
  const writtenAt: number[] = []
  const stored: { name: string; at: number }[] = []
  const reportedDeletes: string[] = []
  let [wraps, failedWraps, ownStale, deletes, slowestWrapMs] = [0, 0, 0, 0, 0]
  let isOn = true

  const read = async (cache: Cache, key: string) => {
    const at = performance.now()
    const atLeast = said.get(key)!
    wraps++
    try {
      const value = await cache.wrap(key, () => origin.get(key)!)
      if (value < atLeast) {
        if (cache === changing) ownStale++
        else staleAt.push(at)
      }
    } catch {
      failedWraps++
    }
    slowestWrapMs = Math.max(slowestWrapMs, performance.now() - at)
  }
  const change = async (key: string) => {
    const version = origin.get(key)! + 1
    origin.set(key, version)
    deletes++
    try {
      await changing.delete(key)
      said.set(key, version)
    } catch (error) {
      reportedDeletes.push(String((error as Error).cause))
    }
  }
  const changeInTurn = (key: string) => {
    const next = (changed.get(key) ?? Promise.resolve()).then(() => change(key))
    changed.set(key, next)
    return next
  }

  await ready(stores)
  await Promise.all(all.flatMap((key) => [read(changing, key), read(reading, key)]))
  const lag = monitorEventLoopDelay({ resolution: 5 })
  lag.enable()
  slowestWrapMs = 0
  const work: Promise<unknown>[] = []
  const every = async (ms: number, run: (count: number) => Promise<unknown>) => {
    for (let count = 0; isOn; count++) {
      work.push(run(count))
      await sleep(ms)
    }
  }
  const loops = [
    every(5, (count) => read(count % 2 ? changing : reading, all[(count * 7) % all.length]!)),
    every(25, (count) => changeInTurn(keys[(count * 11) % keyCount]!)),
    every(20, (count) =>
      changing.set(`written-${count}`, count).then(
        () => writtenAt.push(performance.now()),
        () => undefined,
      ),
    ),
    every(10, (count) => {
      const name = `stored-${count}`
      return stores[2].set(name, Buffer.from(name), { ttlMs: 600_000 }).then(
        () => stored.push({ name, at: performance.now() }),
        () => undefined,
      )
    }),
  ]
  return {
    async changeOnce() {
      await Promise.all(once.map(change))
    },
    async stop() {
      isOn = false
      await Promise.all(loops)
      await Promise.all(work)
      lag.disable()
      await changing.close()
      await reading.close()
      await Promise.all(stores.map((store) => store.close()))
      return {
        wraps,
        failedWraps,
        staleAt,
        ownStale,
        deletes,
        reportedDeletes,
        troubles: [...troubles],
        writtenAt,
        stored,
        slowestWrapMs,
        lagMs: lag.max / 1e6,
      }
    },
  }
}

/** Connected to whatever they will speak to. */
async function ready(stores: readonly RedisStore[]): Promise<void> {
  const names = Array.from({ length: 24 }, (_, index) => `ready-${index}`)
  const touched = (store: RedisStore) =>
    Promise.all(names.map((name) => store.touch(name, { ttlMs: 1 }))).then(
      () => true,
      () => false,
    )
  for (const store of stores) while (!(await touched(store))) await sleep(10)
}

/** The first time after `since`, as a span. */
export function firstAfter(since: number, times: readonly number[]): number {
  return (times.find((at) => at > since) ?? Number.POSITIVE_INFINITY) - since
}
