import { type Cache, GroupLoader, Loader } from 'layered-loader'
import { fiveMinutesMs, type Library } from '../library.ts'

export const layeredLoader: Library = {
  name: 'layered-loader',
  title: 'layered-loader',
  call: '`get`, `getMany`',
  setUp: '`new Loader({ inMemoryCache: { ttlInMsecs } })`',
  options: { tags: 'groups', refreshAhead: 'ttlLeftBeforeRefreshInMsecs' },
  async open({ load, ttlMs = fiveMinutesMs, refreshAheadMs, tag, bound }) {
    if (tag !== undefined) {
      // A key is in one group, which is given with each call: the nearest that it has to a tag.
      const groups = new GroupLoader<unknown>({
        inMemoryCache: { ttlInMsecs: ttlMs },
        dataSources: [
          {
            name: 'source',
            getFromGroup: load,
            getManyFromGroup: async (keys) => Promise.all(keys.map(load)),
          },
        ],
      })
      return {
        ask: (key) => groups.get(key, tag),
        delete: (key) => groups.invalidateCacheFor(key, tag),
        invalidateTag: (name) => groups.invalidateCacheForGroup(name),
      }
    }
    const loader = new Loader<unknown>({
      inMemoryCache: {
        ttlInMsecs: ttlMs,
        ...(refreshAheadMs !== undefined && { ttlLeftBeforeRefreshInMsecs: refreshAheadMs }),
        ...(bound !== undefined && { maxItems: bound }),
      },
      dataSourceGetOneFn: load,
    })
    return { ask: (key) => loader.get(key), delete: (key) => loader.invalidateCacheFor(key) }
  },
  async openShared(load, instances) {
    const shared = new Map<string, unknown>()
    return Array.from({ length: instances }, () => {
      const loader = new Loader<unknown>({
        inMemoryCache: { ttlInMsecs: fiveMinutesMs },
        asyncCache: overMap(shared),
        dataSourceGetOneFn: load,
      })
      return (key: string) => loader.get(key)
    })
  },
  async openBatch(load, loadMany) {
    const loader = new Loader<unknown>({
      inMemoryCache: { ttlInMsecs: fiveMinutesMs },
      dataSourceGetOneFn: load,
      dataSourceGetManyFn: (keys) => loadMany(keys),
      cacheKeyFromValueResolver: (value) => String(value),
    })
    return { ask: (key) => loader.get(key), askMany: (keys) => loader.getMany([...keys]) }
  },
}

/** Its contract for a second tier, over a Map instead of Redis; what the row does not use is left out. */
function overMap(shared: Map<string, unknown>): Cache<unknown> {
  return {
    get: async (key: string) => shared.get(key),
    set: async (key: string, value: unknown) => shared.set(key, value),
  } as Partial<Cache<unknown>> as Cache<unknown>
}
