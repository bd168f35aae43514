import { LRUCache } from 'lru-cache'
import { fiveMinutesMs, type Library } from '../library.ts'

export const lruCache: Library = {
  name: 'lru-cache',
  title: 'lru-cache `fetch`',
  call: '`fetch`',
  setUp:
    '`new LRUCache({ max: 500, ttl, fetchMethod })`, as its documentation shows; a bound must be given',
  options: {
    signal: 'signal',
    // The caller's: whoever starts the load ends it.
    loadTimeout: 'signal: AbortSignal.timeout()',
    staleWhileRevalidate: 'allowStale',
    staleIfError: 'allowStaleOnFetchRejection',
  },
  async open({ load, ttlMs = fiveMinutesMs, stale, loadTimeoutMs, bound = 500 }) {
    // A stale value has no end of its own here: it stays until it is evicted.
    const cache = new LRUCache<string, object | string | number>({
      max: bound,
      ttl: ttlMs,
      fetchMethod: load as (key: string) => Promise<object>,
      ...(stale?.feature === 'staleWhileRevalidate' && { allowStale: true }),
      ...(stale?.feature === 'staleIfError' && { allowStaleOnFetchRejection: true }),
    })
    return {
      ask(key, given) {
        const signal =
          given ?? (loadTimeoutMs === undefined ? undefined : AbortSignal.timeout(loadTimeoutMs))
        return cache.fetch(key, signal ? { signal } : {})
      },
      delete: async (key) => cache.delete(key),
    }
  },
  async defineFunction(load, bound) {
    const cache = new LRUCache<object | string | number, object>({
      max: bound,
      fetchMethod: load as unknown as (argument: unknown) => Promise<object>,
    })
    return (argument) => cache.fetch(argument)
  },
}
