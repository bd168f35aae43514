import { expect, test } from 'vitest'
import { createCache } from '../cache.ts'
import { memoryStore } from '../store/memory-store.ts'
import { fakeClock } from '../testing/fake-clock.ts'
import { faultyStore } from '../testing/faulty-store.ts'
import { liveness, readiness } from './probes.ts'

test('a process whose store is away is alive and ready, and says at once how it is', async () => {
  const clock = fakeClock()
  const store = faultyStore(memoryStore(), { faults: [{ kind: 'reject' }] })
  const cache = createCache({ name: 'shop', clock, store, bus: false })
  cache.on('error', () => {})
  for (const key of ['a', 'b', 'c', 'd', 'e']) expect(await cache.wrap(key, () => key)).toBe(key)
  await clock.advance('61s')
  expect(readiness(cache)).toEqual({
    ready: true,
    status: 'critical',
    caches: { shop: 'critical' },
  })
  expect(liveness()).toEqual({ alive: true })
  await cache.close()
})

test('a process that has closed a cache is alive and not ready', async () => {
  const clock = fakeClock()
  const caches = ['a', 'b'].map((name) => createCache({ name, clock }))
  expect(readiness(caches).ready).toBe(true)
  await caches[0]?.close()
  expect(readiness(caches)).toMatchObject({ ready: false, caches: { a: 'unknown', b: 'unknown' } })
  expect(liveness()).toEqual({ alive: true })
  await caches[1]?.close()
  expect(clock.pendingTimers).toBe(0)
})
