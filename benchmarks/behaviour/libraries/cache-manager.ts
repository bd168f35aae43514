import { createCache } from 'cache-manager'
// The Keyv that both depend on.
import { Keyv } from 'cacheable'
import { fiveMinutesMs, type Library } from '../library.ts'

export const cacheManager: Library = {
  name: 'cache-manager',
  title: 'cache-manager',
  call: '`wrap`',
  setUp: '`createCache({ ttl })`',
  options: { refreshAhead: 'refreshThreshold' },
  async open({ load, ttlMs = fiveMinutesMs, refreshAheadMs }) {
    const cache = createCache({
      ttl: ttlMs,
      ...(refreshAheadMs !== undefined && { refreshThreshold: refreshAheadMs }),
    })
    return {
      ask: (key) => cache.wrap(key, () => load(key)),
      delete: (key) => cache.del(key),
    }
  },
  async openShared(load, instances) {
    const shared = new Map()
    return Array.from({ length: instances }, () => {
      const cache = createCache({
        ttl: fiveMinutesMs,
        stores: [new Keyv(), new Keyv({ store: shared })],
      })
      return (key: string) => cache.wrap(key, () => load(key))
    })
  },
}
