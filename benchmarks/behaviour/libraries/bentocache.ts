import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BentoCache, bentostore } from 'bentocache'
import { fileDriver } from 'bentocache/drivers/file'
import { memoryDriver } from 'bentocache/drivers/memory'
import { fiveMinutesMs, type Library } from '../library.ts'

export const bentocache: Library = {
  name: 'bentocache',
  title: 'bentocache',
  call: '`getOrSet`',
  setUp: 'one store with `memoryDriver()` as its first tier',
  options: {
    tags: 'tags',
    loadTimeout: 'hardTimeout',
    staleWhileRevalidate: 'grace',
    staleIfError: 'grace',
  },
  async open({ load, ttlMs = fiveMinutesMs, stale, loadTimeoutMs, tag, bound }) {
    const driver = memoryDriver(bound === undefined ? {} : { maxItems: bound })
    const bento = new BentoCache({
      default: 'memory',
      stores: { memory: bentostore().useL1Layer(driver) },
    })
    const options = {
      ttl: ttlMs,
      // `timeout: 0` answers stale and refreshes behind; with a timeout the loader is waited for so long.
      ...(stale && {
        grace: ttlMs + stale.ms,
        timeout: stale.feature === 'staleWhileRevalidate' ? 0 : 1000,
      }),
      ...(loadTimeoutMs !== undefined && { hardTimeout: loadTimeoutMs }),
      ...(tag !== undefined && { tags: [tag] }),
    }
    return {
      ask: (key) => bento.getOrSet({ key, ...options, factory: () => load(key) }),
      delete: (key) => bento.delete({ key }),
      invalidateTag: (name) => bento.deleteByTag({ tags: [name] }),
    }
  },
  async openShared(load, instances) {
    const directory = mkdtempSync(join(tmpdir(), 'behaviour-'))
    process.on('exit', () => rmSync(directory, { recursive: true, force: true }))
    return Array.from({ length: instances }, () => {
      const bento = new BentoCache({
        default: 'both',
        stores: {
          both: bentostore()
            .useL1Layer(memoryDriver())
            .useL2Layer(fileDriver({ directory, pruneInterval: false })),
        },
      })
      return (key: string) => bento.getOrSet({ key, ttl: fiveMinutesMs, factory: () => load(key) })
    })
  },
}
