import { createMemoryStorage, defineCachedFunction } from 'ocache'
import { fiveMinutesMs, type Library } from '../library.ts'

export const ocache: Library = {
  name: 'ocache',
  title: 'ocache',
  call: '`defineCachedFunction`',
  setUp: '`defineCachedFunction(load, { name, maxAge })` on its own memory storage',
  options: { loadTimeout: 'maxResolveTime', staleWhileRevalidate: 'swr' },
  async open({ load, ttlMs = fiveMinutesMs, stale, loadTimeoutMs, bound }) {
    const ask = defineCachedFunction(load, {
      name: 'ask',
      maxAge: ttlMs / 1000,
      ...(stale && { swr: true, staleMaxAge: stale.ms / 1000 }),
      ...(loadTimeoutMs !== undefined && { maxResolveTime: loadTimeoutMs / 1000 }),
      ...(bound !== undefined && { storage: createMemoryStorage({ maxSize: bound }) }),
      // It reports what it handles to the console unless told otherwise.
      onError: () => undefined,
    })
    return { ask, delete: (key) => ask.invalidate(key) }
  },
  async defineFunction(load, bound) {
    return defineCachedFunction(load, {
      name: 'call',
      maxAge: fiveMinutesMs / 1000,
      storage: createMemoryStorage({ maxSize: bound }),
    })
  },
  async openShared(load, instances) {
    const shared = new Map<string, unknown>()
    return Array.from({ length: instances }, () =>
      defineCachedFunction(load, {
        name: 'ask',
        maxAge: fiveMinutesMs / 1000,
        storage: {
          get: async <T>(key: string) => (shared.get(key) as T | undefined) ?? null,
          set: async (key, value) => {
            shared.set(key, value)
          },
        },
      }),
    )
  },
}
