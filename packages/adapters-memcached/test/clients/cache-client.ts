import { setTimeout as sleep } from 'node:timers/promises'
import { type Cache, createCache, type EntryOptions } from '@holdfast/core'
import { answer, tell } from '@holdfast/lab/client-protocol'
import { memcachedStore } from '../../src/index.ts'
import type { AtOnce, ClientSettings } from './client-answers.ts'

// The store is never at fault in these stories, however crowded the machine.
const patient = { commandTimeout: '20s', connectTimeout: '20s', timeout: '20s' } as const

/** A service of the stories: one cache over the servers it is given, and loaders that can be told what to do. */
function open({ servers, protocol, memory }: ClientSettings): Cache {
  const made = createCache({
    store: memcachedStore({ servers, protocol, ...patient }),
    resilience: { storeTimeout: '20s' },
    ...(memory === undefined ? {} : { memory }),
  })
  made.on('error', () => {})
  return made
}

let cache = open(JSON.parse(process.argv[2]!) as ClientSettings)
let loads = 0
let release = () => {}

answer({
  /** Goes over to other servers, or another protocol, with a cache that knows nothing of before. */
  async use(settings: ClientSettings) {
    await cache.close()
    cache = open(settings)
    await cache.get('warm-up')
  },

  /** `callers` calls at once; what each was answered, and when, in milliseconds since the first began. */
  async wrapAtOnce(
    key: string,
    callers: number,
    loadMs: number,
    outcome: string,
    options: EntryOptions,
  ): Promise<AtOnce> {
    const since = performance.now()
    let loaded = 0
    const load = async () => {
      loads++
      loaded++
      await sleep(loadMs)
      if (outcome.startsWith('!')) throw new Error(outcome.slice(1))
      return outcome
    }
    const one = async () => {
      const ms = () => performance.now() - since
      try {
        return { value: await cache.wrap(key, load, options), ms: ms() }
      } catch (error) {
        return { error: (error as Error).message, ms: ms() }
      }
    }
    const results = await Promise.all(Array.from({ length: callers }, one))
    return { results, loads: loaded }
  },

  /** Without a time the load goes on until it is released. */
  wrap: (key: string, loadMs: number | undefined, value: string, options: EntryOptions) =>
    cache.wrap(
      key,
      async () => {
        loads++
        const released = new Promise<void>((resolve) => {
          release = resolve
        })
        tell('loading', key)
        await (loadMs === undefined ? released : sleep(loadMs))
        return value
      },
      options,
    ),
  release: () => release(),

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

  get: (key: string) => cache.get(key),
  set: (key: string, value: unknown, options: EntryOptions) => cache.set(key, value, options),
  delete: (key: string) => cache.delete(key),
  expire: (key: string) => cache.expire(key),
  invalidateTags: (tags: string[]) => cache.invalidateTags(tags),
  expireTags: (tags: string[]) => cache.expireTags(tags),
  clear: () => cache.clear(),
  loads: () => loads,
  /** Keeps the event loop from running. */
  block(ms: number) {
    const until = performance.now() + ms
    while (performance.now() < until);
  },
})
