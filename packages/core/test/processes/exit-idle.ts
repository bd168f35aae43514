import { createCache } from '../../src/cache.ts'

/** Nothing is closed here: a cache at rest keeps no process alive, and one that loads does until the load is done. */
const cache = createCache({
  defaults: { staleIfError: '1h', softTimeout: '20s', loadTimeout: '1m' },
})
for (let key = 0; key < 100; key++) await cache.wrap(`k${key}`, async () => key)
for (let hit = 0; hit < 1_000; hit++) await cache.wrap('k1', () => 0)
await cache.expire('k1')
await cache.wrap('k1', async () => 1)
let timedOut = false
cache
  .wrap('hung', () => new Promise<never>(() => {}), { loadTimeout: 50, softTimeout: 50 })
  .catch(() => {
    timedOut = true
  })
const startedAt = performance.now()
process.on('exit', () => {
  console.log(JSON.stringify({ timedOut, restMs: performance.now() - startedAt }))
})
