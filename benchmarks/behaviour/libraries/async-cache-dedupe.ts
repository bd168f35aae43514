import { createCache, type StorageInterface } from 'async-cache-dedupe'
import { fiveMinutesMs, type Library } from '../library.ts'

export const asyncCacheDedupe: Library = {
  name: 'async-cache-dedupe',
  title: 'async-cache-dedupe',
  call: '`define`',
  setUp: "`createCache({ ttl, storage: { type: 'memory' } })`",
  options: { tags: 'references', staleWhileRevalidate: 'stale' },
  async open({ load, ttlMs = fiveMinutesMs, stale, tag, bound }) {
    const cache = createCache({
      ttl: ttlMs / 1000,
      ...(stale && { stale: stale.ms / 1000 }),
      storage: {
        type: 'memory',
        options: {
          ...(bound !== undefined && { size: bound }),
          ...(tag !== undefined && { invalidation: true }),
        },
      },
    }).define('ask', tag === undefined ? {} : { references: () => [tag] }, (key: string) =>
      load(key),
    )
    return {
      ask: (key) => cache.ask(key),
      delete: (key) => cache.clear('ask', key),
      invalidateTag: (name) => cache.invalidateAll(name),
    }
  },
  async defineFunction(load, bound) {
    const cache = createCache({
      ttl: fiveMinutesMs / 1000,
      storage: { type: 'memory', options: { size: bound } },
    }).define('call', load as (argument: unknown) => Promise<unknown>)
    return cache.call as (...args: never[]) => Promise<unknown>
  },
  async openShared(load, instances) {
    const shared = new Map<string, unknown>()
    return Array.from({ length: instances }, () => {
      const cache = createCache({
        ttl: fiveMinutesMs / 1000,
        storage: { type: 'custom', options: { storage: overMap(shared) } },
      }).define('ask', (key: string) => load(key))
      return (key: string) => cache.ask(key)
    })
  },
}

/** Its contract for a custom storage, over a Map; what the row does not use does nothing. */
function overMap(shared: Map<string, unknown>): StorageInterface {
  const nothing = async () => undefined
  return {
    get: async (key: string) => shared.get(key),
    set: async (key: string, value: unknown) => {
      shared.set(key, value)
    },
    exists: async (key: string) => shared.has(key),
    remove: nothing,
    invalidate: nothing,
    clear: nothing,
    refresh: nothing,
    getTTL: nothing,
  }
}
