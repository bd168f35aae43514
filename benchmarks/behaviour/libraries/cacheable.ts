import { Cacheable, Keyv } from 'cacheable'
import { fiveMinutesMs, type Library } from '../library.ts'

export const cacheable: Library = {
  name: 'cacheable',
  title: 'cacheable',
  call: '`getOrSet`, `wrap`',
  setUp: '`new Cacheable()`',
  options: { tags: 'tags' },
  async open({ load, ttlMs = fiveMinutesMs, tag }) {
    const cache = new Cacheable(tag === undefined ? { ttl: ttlMs } : { ttl: ttlMs, tags: true })
    if (tag === undefined) {
      return {
        ask: (key) => cache.getOrSet(key, () => load(key)),
        delete: (key) => cache.delete(key),
      }
    }
    return {
      // Tags are given to `set`; `getOrSet` has none.
      async ask(key) {
        const kept = await cache.get(key)
        if (kept !== undefined) return kept
        const loaded = await load(key)
        await cache.set(key, loaded, { tags: [tag] })
        return loaded
      },
      delete: (key) => cache.delete(key),
      invalidateTag: (name) => cache.tags.invalidateTag(name),
    }
  },
  async defineFunction(load) {
    const cache = new Cacheable({ ttl: fiveMinutesMs })
    return cache.wrap(load, { keyPrefix: 'call' })
  },
  async openShared(load, instances) {
    const shared = new Map()
    return Array.from({ length: instances }, () => {
      const cache = new Cacheable({ secondary: new Keyv({ store: shared }), ttl: fiveMinutesMs })
      return (key: string) => cache.getOrSet(key, () => load(key))
    })
  },
}
