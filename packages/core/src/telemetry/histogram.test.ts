import { expect, onTestFinished, test } from 'vitest'
import { type Cache, createCache } from '../cache.ts'
import { StoreError } from '../errors.ts'
import { inside } from '../observe/inside.ts'
import { type Ties, ties } from '../observe/ties.ts'
import type { Engine } from '../read/engine.ts'
import { shardedStore } from '../sharding/sharded-store.ts'
import { failoverStore } from '../store/failover-store.ts'
import { MemoryBacking } from '../store/memory-backing.ts'
import { memoryStore } from '../store/memory-store.ts'
import { prefixedStore } from '../store/prefixed-store.ts'
import { fakeClock } from '../testing/fake-clock.ts'
import { faultyBus } from '../testing/faulty-bus.ts'
import { faultyStore } from '../testing/faulty-store.ts'
import { instrument } from './instrument.ts'
import type { MeterLike } from './open-telemetry.ts'
import { prometheus } from './prometheus.ts'

const engineOf = (cache: Cache) => (cache as unknown as Record<symbol, { engine: Engine }>)[inside]!

/** Processes over one store, each with its own view of it. */
function processes(count: number) {
  const clock = fakeClock()
  const backing = new MemoryBacking({ clock })
  const caches = Array.from({ length: count }, (_, index) =>
    createCache({
      name: `process ${index}`,
      namespace: 'shop',
      clock,
      store: memoryStore({ backing }),
      bus: false,
    }),
  )
  onTestFinished(async () => {
    for (const cache of caches) await cache.close()
  })
  return { clock, caches }
}

/** A sample of the text, by its name and labels as they are written. */
function sample(cache: Cache, name: string): number | undefined {
  const line = prometheus(cache)
    .split('\n')
    .find((each) => each.startsWith(`${name} `))
  return line === undefined ? undefined : Number(line.slice(name.length + 1))
}

test('a wait for another process that loads the key is measured, and how it ended', async () => {
  const { clock, caches } = processes(2)
  const [first, second] = caches as [Cache, Cache]
  prometheus(caches)
  for (const cache of caches) await cache.get('the store has been opened')
  const slow = () => new Promise((resolve) => clock.setTimeout(() => resolve('value'), 400))
  const mine = first.wrap('key', slow)
  await clock.advance(10)
  const theirs = second.wrap('key', () => 'not called')
  await clock.advance('2s')
  expect(await Promise.all([mine, theirs])).toEqual(['value', 'value'])
  const wait = 'holdfast_claim_wait_duration_seconds'
  const labels = 'cache="process 1",outcome="entry"'
  expect(sample(second, `${wait}_count{${labels}}`)).toBe(1)
  expect(sample(second, `${wait}_bucket{${labels},le="0.1"}`)).toBe(0)
  expect(sample(second, `${wait}_bucket{${labels},le="1"}`)).toBe(1)
  expect(prometheus(first)).not.toContain(wait)

  // One that fails lets the other load for itself.
  const fails = first.wrap('bad', () =>
    slow().then(() => {
      throw new Error('no')
    }),
  )
  fails.catch(() => {})
  await clock.advance(10)
  const own = second.wrap('bad', () => 'own')
  await clock.advance('2s')
  expect(await own).toBe('own')
  expect(sample(second, `${wait}_count{cache="process 1",outcome="load"}`)).toBe(1)
})

test('the age of a stale answer is measured from where it became stale', async () => {
  const clock = fakeClock()
  const cache = createCache({ name: 'shop', clock, defaults: { jitter: 0 } })
  prometheus(cache)
  const options = { ttl: '1m', staleWhileRevalidate: '1h' } as const
  await cache.wrap('key', () => 1, options)
  await clock.advance('63s')
  await cache.wrap('key', () => 2, options)
  expect(sample(cache, 'holdfast_stale_age_seconds_sum{cache="shop"}')).toBe(3)
  expect(sample(cache, 'holdfast_stale_age_seconds_bucket{cache="shop",le="1"}')).toBe(0)
  expect(sample(cache, 'holdfast_stale_age_seconds_bucket{cache="shop",le="5"}')).toBe(1)
  // One that stands in for a load that failed, too.
  await cache.wrap('other', () => 1, { ttl: '1m', staleIfError: '1h' })
  await clock.advance('67s')
  await cache.wrap('other', () => Promise.reject(new Error('no')), { staleIfError: '1h' })
  expect(sample(cache, 'holdfast_stale_age_seconds_sum{cache="shop"}')).toBe(10)
  await cache.close()
})

test('the bus is measured by what comes back of it, and a sign of life that is lost is not', async () => {
  const clock = fakeClock()
  const store = memoryStore({ clock })
  const bus = faultyBus(store.bus!(), { clock, faults: [{ kind: 'delay', ms: 40 }] })
  const cache = createCache({ name: 'shop', clock, store, bus })
  prometheus(cache)
  await cache.get('the store has been opened')
  await clock.advance('10s')
  const count = sample(cache, 'holdfast_bus_lag_seconds_count{cache="shop"}') ?? 0
  expect(count).toBeGreaterThanOrEqual(8)
  expect(sample(cache, 'holdfast_bus_lag_seconds_sum{cache="shop"}')).toBeCloseTo(count * 0.04, 5)
  bus.play([{ kind: 'drop' }])
  await clock.advance('10s')
  const lost = sample(cache, 'holdfast_bus_lag_seconds_count{cache="shop"}') ?? 0
  expect(lost - count).toBeLessThanOrEqual(1)
  bus.play([])
  await clock.advance('10s')
  const after = sample(cache, 'holdfast_bus_lag_seconds_count{cache="shop"}') ?? 0
  expect(after - lost).toBeGreaterThanOrEqual(6)
  // None of them is counted as one that took ten seconds.
  expect(sample(cache, 'holdfast_bus_lag_seconds_bucket{cache="shop",le="0.05"}')).toBe(after)
  await cache.close()
  expect(clock.pendingTimers).toBe(0)
})

test('sizes of what goes into the store are counted in bytes, up to four mebibytes and above', async () => {
  const { caches } = processes(1)
  const [cache] = caches as [Cache]
  prometheus(cache)
  await cache.set('small', 1)
  await cache.set('large', 'x'.repeat(5_000))
  await cache.wrap('loaded', () => 'x'.repeat(100_000))
  const within = (bound: string) =>
    sample(cache, `holdfast_entry_size_bytes_bucket{cache="process 0",le="${bound}"}`)
  expect(
    ['256', '1024', '4096', '16384', '65536', '262144', '1048576', '4194304', '+Inf'].map(within),
  ).toEqual([1, 1, 1, 2, 2, 3, 3, 3, 3])
})

test('operations of the store are timed by their names, and those that fail by their kinds', async () => {
  const clock = fakeClock()
  const store = faultyStore(memoryStore({ clock }), { clock, faults: [{ kind: 'delay', ms: 20 }] })
  const cache = createCache({ name: 'shop', clock, store, bus: false, memory: false })
  cache.on('error', () => {})
  prometheus(cache)
  const name = 'db_client_operation_duration_seconds'
  const labels = 'cache="shop",db_system_name="memory",db_operation_name="getMany"'
  const read = cache.get('key')
  await clock.advance('1s')
  await read
  expect(sample(cache, `${name}_count{${labels}}`)).toBe(1)
  expect(sample(cache, `${name}_bucket{${labels},le="0.01"}`)).toBe(0)
  expect(sample(cache, `${name}_bucket{${labels},le="0.05"}`)).toBe(1)
  store.play([{ kind: 'hang', on: ['get', 'getMany'] }])
  const late = cache.get('key')
  await clock.advance('1s')
  await late
  expect(sample(cache, `${name}_sum{${labels},error_type="timeout"}`)).toBe(0.2)
  expect(sample(cache, 'holdfast_store_operations_total{cache="shop",outcome="failed"}')).toBe(1)
  expect(sample(cache, 'holdfast_store_operations_total{cache="shop",outcome="ok"}')).toBe(1)
  // A store of somebody else may give its errors any kind.
  const odd = new StoreError('no', { kind: 'canary' as never })
  store.play([{ kind: 'reject', error: odd }])
  await cache.get('key')
  expect(sample(cache, `${name}_count{${labels},error_type="unknown"}`)).toBe(1)
  expect(prometheus(cache)).not.toContain('canary')
  store.heal()
  await cache.close()
})

test('changes of the breaker are counted by what it became', async () => {
  const clock = fakeClock()
  const store = faultyStore(memoryStore({ clock }), { clock, faults: [{ kind: 'reject' }] })
  const cache = createCache({ name: 'shop', clock, store, bus: false, memory: false })
  cache.on('error', () => {})
  prometheus(cache)
  for (let call = 0; call < 10; call++) await cache.get('key')
  expect(sample(cache, 'holdfast_breaker_transitions_total{cache="shop",state="open"}')).toBe(1)
  store.heal()
  await clock.advance('5s')
  expect(sample(cache, 'holdfast_breaker_transitions_total{cache="shop",state="closed"}')).toBe(1)
  await cache.close()
})

test('servers of several are counted by whether they are used, and ejections by the server', async () => {
  const clock = fakeClock()
  const places = ['one:1', 'two:2', 'three:3'].map((name) => ({
    name,
    weight: 1,
    store: faultyStore(memoryStore({ clock }), { clock, faults: [] }),
  }))
  const sharded = shardedStore({
    clock,
    servers: places,
    onFailure: 'gutter',
    gutter: memoryStore({ clock }),
  })
  const cache = createCache({
    name: 'shop',
    clock,
    store: prefixedStore(sharded, 'p:'),
    bus: false,
    memory: false,
  })
  cache.on('error', () => {})
  const nodes = () =>
    ['live', 'ejected', 'gutter'].map((state) =>
      sample(cache, `holdfast_ring_nodes{cache="shop",state="${state}"}`),
    )
  await cache.get('the store has been opened')
  expect(nodes()).toEqual([3, 0, 1])
  places[1]!.store.play([{ kind: 'reject' }])
  for (let call = 0; call < 60; call++) await cache.get(`key ${call}`)
  expect(nodes()).toEqual([2, 1, 1])
  expect(sample(cache, 'holdfast_ring_ejections_total{cache="shop",server="two:2"}')).toBe(1)
  expect(sample(cache, 'holdfast_ring_ejections_total{cache="shop",server="one:1"}')).toBe(0)
  await cache.close()
  await sharded.close()

  const both = failoverStore([memoryStore({ clock }), memoryStore({ clock })], { clock })
  expect([...both.serverStates()]).toEqual([
    ['main', { state: 'live', ejections: 0 }],
    ['gutter', { state: 'gutter', ejections: 0 }],
  ])
  await both.close()
})

test('images that were refused are counted by the rule; for a reason that is none, not at all', async () => {
  const cache = createCache({ name: 'shop', clock: fakeClock() })
  prometheus(cache)
  const { tell } = (cache as unknown as { [ties]: Ties })[ties]
  for (const reason of ['address', 'address', 'type', 'canary', '__proto__', 'key'])
    tell({ event: 'refused', key: 'url', reason })
  const text = prometheus(cache)
  expect(text.split('\n').filter((line) => line.startsWith('holdfast_image_blocked'))).toEqual([
    'holdfast_image_blocked_total{cache="shop",reason="address"} 2',
    'holdfast_image_blocked_total{cache="shop",reason="type"} 1',
  ])
  expect(text).not.toContain('canary')
  await cache.close()
})

test('measuring ends with the last who listens, and two of them hear the same', async () => {
  const { caches } = processes(1)
  const [cache] = caches as [Cache]
  const { observer } = engineOf(cache).engine
  expect(observer.measure).toBeUndefined()
  const heard: number[] = []
  const meter: MeterLike = {
    createHistogram: (name) => ({
      record: (value) => void (name === 'holdfast.entry.size' && heard.push(value)),
    }),
    createObservableCounter: () => ({}),
    createObservableGauge: () => ({}),
    addBatchObservableCallback: () => {},
    removeBatchObservableCallback: () => {},
  }
  const end = instrument(cache, { meter })
  const endAnother = instrument(cache, { meter })
  await cache.set('key', 1)
  expect(heard).toHaveLength(2)
  expect(new Set(heard).size).toBe(1)
  end()
  expect(observer.measure).toBeDefined()
  endAnother()
  expect(observer.measure).toBeUndefined()
  await cache.set('key', 1)
  expect(heard).toHaveLength(2)
  // Who comes later is heard again.
  const again = instrument(cache, { meter })
  await cache.set('key', 1)
  expect(heard).toHaveLength(3)
  again()
})
