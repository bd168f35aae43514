import { keyCount, makeUser, type User } from './workload.ts'

/**
 * What is measured. A candidate imports its library only when it is opened, because each is measured in a process of
 * its own. Peers stand on the set-up that their documentation shows, asked by the call it shows, bounded to as many
 * entries as there are keys where the set-up has a bound.
 */
export interface Candidate {
  readonly name: string
  /** What the row shows, in the words of the published table. */
  readonly what: string
  /** Answers at once, without a promise: timed without `await`. */
  readonly synchronous?: true
  /** `entries` is how many it must be able to hold; without it, what the library does by default, or as many as there are keys. */
  open(load: Load, entries?: number): Promise<Ask>
}

/** Makes the value of a key: an asynchronous function that has its answer at hand. */
export type Load = (key: string) => Promise<User>
export type Ask = (key: string) => Promise<User> | User | undefined

export const immediately: Load = async (key) => makeUser(Number(key.slice(5)))

const ttlMs = 300_000

export const holdfast: Candidate = {
  name: 'holdfast',
  what: 'Holdfast `wrap`, default options',
  async open(load, entries) {
    const { createCache } = await import('@holdfast/core')
    const cache = createCache(
      entries === undefined
        ? {}
        : { memory: { maxEntries: entries, maxBytes: Number.POSITIVE_INFINITY } },
    )
    return (key) => cache.wrap(key, () => load(key))
  },
}

const holdfastShared: Candidate = {
  name: 'holdfast-shared',
  what: "Holdfast `wrap`, `memory: { values: 'shared' }`",
  async open(load) {
    const { createCache } = await import('@holdfast/core')
    const cache = createCache({ memory: { values: 'shared' } })
    return (key) => cache.wrap(key, () => load(key))
  },
}

const holdfastPeek: Candidate = {
  name: 'holdfast-peek',
  what: 'Holdfast `peek`, synchronous',
  synchronous: true,
  async open(load) {
    const { createCache } = await import('@holdfast/core')
    const cache = createCache()
    const miss = (key: string) => cache.wrap(key, () => load(key))
    return (key) => cache.peek<User>(key) ?? miss(key)
  },
}

export const floor: Candidate = {
  name: 'floor',
  what: 'the floor: an async function around lru-cache `get`, on a miss `await load` and `set`',
  async open(load, entries = keyCount) {
    const { LRUCache } = await import('lru-cache')
    const cache = new LRUCache<string, User>({ max: entries })
    return async (key) => {
      const kept = cache.get(key)
      if (kept !== undefined) return kept
      const loaded = await load(key)
      cache.set(key, loaded)
      return loaded
    }
  },
}

const bareLru: Candidate = {
  name: 'lru-cache-get',
  what: 'lru-cache `get` alone, synchronous',
  synchronous: true,
  async open(load) {
    const { LRUCache } = await import('lru-cache')
    const cache = new LRUCache<string, User>({ max: keyCount })
    const miss = async (key: string) => {
      const loaded = await load(key)
      cache.set(key, loaded)
      return loaded
    }
    return (key) => cache.get(key) ?? miss(key)
  },
}

const lruFetch: Candidate = {
  name: 'lru-cache-fetch',
  what: 'lru-cache `fetch` with a ttl',
  async open(load) {
    const { LRUCache } = await import('lru-cache')
    const cache = new LRUCache<string, User>({ max: keyCount, ttl: ttlMs, fetchMethod: load })
    return (key) => cache.fetch(key) as Promise<User>
  },
}

const rawMap: Candidate = {
  name: 'map',
  what: 'a raw `Map`, awaited: no bound, no time, no deduplication',
  async open(load) {
    const kept = new Map<string, User>()
    const miss = async (key: string) => {
      const loaded = await load(key)
      kept.set(key, loaded)
      return loaded
    }
    return (key) => kept.get(key) ?? miss(key)
  },
}

const layeredLoader: Candidate = {
  name: 'layered-loader',
  what: 'layered-loader `get`, in memory',
  async open(load, entries = keyCount) {
    const { Loader } = await import('layered-loader')
    const loader = new Loader<User>({
      inMemoryCache: { cacheType: 'lru-map', ttlInMsecs: ttlMs, maxItems: entries },
      dataSourceGetOneFn: load,
    })
    return (key) => loader.get(key) as Promise<User>
  },
}

const asyncCacheDedupe: Candidate = {
  name: 'async-cache-dedupe',
  what: 'async-cache-dedupe, memory storage',
  async open(load) {
    const { createCache } = await import('async-cache-dedupe')
    const cache = createCache({
      ttl: ttlMs / 1000,
      storage: { type: 'memory', options: { size: keyCount } },
    }).define('user', load)
    return (key) => cache.user(key)
  },
}

const cacheManager: Candidate = {
  name: 'cache-manager',
  what: 'cache-manager `wrap`, as documented (unbounded)',
  async open(load) {
    const { createCache } = await import('cache-manager')
    const cache = createCache({ ttl: ttlMs })
    return (key) => cache.wrap(key, () => load(key))
  },
}

const cachified: Candidate = {
  name: 'cachified',
  what: 'cachified over lru-cache',
  async open(load) {
    const { LRUCache } = await import('lru-cache')
    const { cachified, totalTtl } = await import('@epic-web/cachified')
    type Kept = import('@epic-web/cachified').CacheEntry
    const kept = new LRUCache<string, Kept>({ max: keyCount })
    const cache: import('@epic-web/cachified').Cache = {
      set(key, value) {
        const ttl = totalTtl(value?.metadata)
        return kept.set(key, value, {
          ...(ttl === Number.POSITIVE_INFINITY ? {} : { ttl }),
          start: value?.metadata?.createdTime,
        })
      },
      get: (key) => kept.get(key),
      delete: (key) => kept.delete(key),
    }
    return (key) => cachified({ key, cache, ttl: ttlMs, getFreshValue: () => load(key) })
  },
}

const bentocache: Candidate = {
  name: 'bentocache',
  what: 'bentocache `getOrSet`, memory driver',
  async open(load) {
    const { BentoCache, bentostore } = await import('bentocache')
    const { memoryDriver } = await import('bentocache/drivers/memory')
    const bento = new BentoCache({
      default: 'memory',
      stores: { memory: bentostore().useL1Layer(memoryDriver({ maxItems: keyCount })) },
    })
    return (key) => bento.getOrSet({ key, ttl: ttlMs, factory: () => load(key) })
  },
}

const cacheable: Candidate = {
  name: 'cacheable',
  what: 'cacheable `getOrSet`, as documented (unbounded)',
  async open(load) {
    const { Cacheable } = await import('cacheable')
    const cache = new Cacheable({ ttl: ttlMs })
    return (key) => cache.getOrSet(key, () => load(key)) as Promise<User>
  },
}

const peers = [
  lruFetch,
  rawMap,
  layeredLoader,
  asyncCacheDedupe,
  cacheManager,
  cachified,
  bentocache,
  cacheable,
]

export const hitCandidates: readonly Candidate[] = [
  holdfast,
  floor,
  holdfastPeek,
  bareLru,
  ...peers,
]

export const missCandidates: readonly Candidate[] = [holdfast, holdfastShared, floor, ...peers]

/** Those that are filled with a million entries; some of the others would need minutes for it. */
export const memoryCandidates: readonly Candidate[] = [holdfast, floor, rawMap, layeredLoader]

export const churnCandidates: readonly Candidate[] = [holdfast, floor]

export function candidateNamed(name: string): Candidate {
  const found = [...hitCandidates, ...missCandidates].find((candidate) => candidate.name === name)
  if (found === undefined) throw new Error(`there is no candidate '${name}'`)
  return found
}
