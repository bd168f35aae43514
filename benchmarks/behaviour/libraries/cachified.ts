import { type Cache, type CacheEntry, cachified, createBatch, totalTtl } from '@epic-web/cachified'
import { LRUCache } from 'lru-cache'
import { fiveMinutesMs, type Library } from '../library.ts'

export const cachifiedOverLru: Library = {
  name: '@epic-web/cachified',
  title: 'cachified',
  call: '`cachified`, `createBatch`',
  setUp: 'over lru-cache with `max: 1000`, as its documentation shows',
  options: { staleWhileRevalidate: 'swr' },
  async open({ load, ttlMs = fiveMinutesMs, stale, bound = 1000 }) {
    const cache = overLru(bound)
    return {
      ask: (key) =>
        cachified({
          key,
          cache,
          ttl: ttlMs,
          ...(stale && { swr: stale.ms }),
          getFreshValue: () => load(key),
        }),
      delete: async (key) => cache.delete(key),
    }
  },
  async openShared(load, instances) {
    const shared = new Map<string, CacheEntry>()
    return Array.from({ length: instances }, () => {
      const cache: Cache = {
        get: async (key) => shared.get(key),
        set: async (key, value) => shared.set(key, value),
        delete: async (key) => shared.delete(key),
      }
      return (key: string) =>
        cachified({ key, cache, ttl: fiveMinutesMs, getFreshValue: () => load(key) })
    })
  },
  async openBatch(load, loadMany) {
    const cache = overLru(1000)
    return {
      ask: (key) => cachified({ key, cache, ttl: fiveMinutesMs, getFreshValue: () => load(key) }),
      askMany(keys) {
        const batch = createBatch<unknown, string>((missing) => loadMany(missing))
        return Promise.all(
          keys.map((key) =>
            cachified({ key, cache, ttl: fiveMinutesMs, getFreshValue: batch.add(key) }),
          ),
        )
      },
    }
  },
}

function overLru(max: number): Cache {
  const kept = new LRUCache<string, CacheEntry>({ max })
  return {
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
}
