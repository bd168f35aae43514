import { createCache, MemoryBacking, memoryStore } from '@holdfast/core'
import { fiveMinutesMs, type Library } from '../library.ts'

export const holdfast: Library = {
  name: '@holdfast/core',
  title: 'Holdfast',
  call: '`wrap`, `define`, `wrapMany`',
  setUp: '`createCache()`',
  options: {
    tags: 'tags',
    signal: 'signal',
    loadTimeout: 'loadTimeout',
    staleWhileRevalidate: 'staleWhileRevalidate',
    staleIfError: 'staleIfError',
    refreshAhead: 'earlyRefresh',
  },
  async open({ load, ttlMs = fiveMinutesMs, stale, loadTimeoutMs, tag, bound }) {
    const cache = createCache(bound === undefined ? {} : { memory: { maxEntries: bound } })
    const options = {
      ttl: ttlMs,
      ...(stale && { [stale.feature]: stale.ms }),
      ...(loadTimeoutMs !== undefined && { loadTimeout: loadTimeoutMs }),
      ...(tag !== undefined && { tags: [tag] }),
    }
    return {
      ask: (key, signal) =>
        cache.wrap(key, () => load(key), signal ? { ...options, signal } : options),
      delete: (key) => cache.delete(key),
      invalidateTag: (name) => cache.invalidateTags([name]),
    }
  },
  async defineFunction(load, bound) {
    const cache = createCache({
      memory: { maxEntries: bound, maxBytes: Number.POSITIVE_INFINITY },
    })
    return cache.define('call', { load })
  },
  async openShared(load, instances) {
    const backing = new MemoryBacking()
    return Array.from({ length: instances }, () => {
      const cache = createCache({ store: memoryStore({ backing }) })
      return (key: string) => cache.wrap(key, () => load(key))
    })
  },
  async openBatch(load, loadMany) {
    const cache = createCache()
    return {
      ask: (key) => cache.wrap(key, () => load(key)),
      askMany: (keys) => cache.wrapMany(keys, loadMany),
    }
  },
}
