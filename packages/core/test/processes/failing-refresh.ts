import { createCache } from '../../src/cache.ts'

/** Loads behind callers fail in every way there is, and nobody listens. Node ends a process on an unhandled rejection. */
const cache = createCache({
  defaults: {
    ttl: 1,
    jitter: 0,
    staleWhileRevalidate: '1h',
    retryAfterError: 0,
    loadTimeout: 20,
    softTimeout: 5,
  },
})
const failures: (() => unknown)[] = [
  () => Promise.reject(new Error('broken')),
  () => {
    throw new Error('broken at once')
  },
  () => Promise.reject(undefined),
  () => new Promise(() => {}),
  () => () => 'cannot be kept',
  () => undefined,
]
const after = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
for (const index of failures.keys()) {
  await cache.set(`k${index}`, 'old')
  await cache.set(`m${index}`, 'old')
}
await after(5)
for (const [index, failing] of failures.entries()) {
  if ((await cache.wrap(`k${index}`, failing)) !== 'old') throw new Error('not stale')
  await cache.wrapMany([`m${index}`], failing as never)
}
await after(60)
// A caller that waits only for the stale value: softTimeout serves it, the load fails later.
await cache.set('soft', 'old', { staleWhileRevalidate: 0, staleIfError: '1h' })
await after(5)
await cache.wrap('soft', () => after(10).then(() => Promise.reject(new Error('late'))), {
  staleWhileRevalidate: 0,
  staleIfError: '1h',
})
await after(30)
await cache.close()
console.log('survived')
