import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Cache, createCache } from '../../src/cache.ts'
import { memoryBus } from '../../src/store/memory-bus.ts'
import { memoryStore } from '../../src/store/memory-store.ts'
import { type FakeClock, fakeClock } from '../../src/testing/fake-clock.ts'
import { type FaultyBus, faultyBus } from '../../src/testing/faulty-bus.ts'
import { type FaultyStore, faultyStore } from '../../src/testing/faulty-store.ts'
import { held } from '../held.ts'
import { Processes, watched } from './processes.ts'

let clock: FakeClock
let store: FaultyStore
let bus: FaultyBus
let cache: Cache
let loads: number
const reasons: string[] = []

beforeEach(() => {
  clock = fakeClock()
  store = faultyStore(memoryStore({ clock }), { clock, faults: [] })
  bus = faultyBus(memoryBus(), { clock, faults: [] })
  cache = createCache({ store, bus, clock })
  cache.on('bus', ({ reason }) => reasons.push(reason))
  loads = 0
  reasons.length = 0
})
afterEach(async () => {
  bus.heal()
  store.heal()
  await cache.close()
})

const load = () => ++loads
const wrap = () => cache.wrap<number>('a', load, { earlyRefresh: false })

describe('while neither store nor bus answers', () => {
  beforeEach(async () => {
    await wrap()
    await clock.advance(100)
    store.play([{ kind: 'reject' }])
    bus.cut()
  })

  test('a key is loaded once in 5 s, whatever the bus says meanwhile', async () => {
    const values: number[] = []
    for (let waited = 0; waited < 4_900; waited += 100) {
      await clock.advance(100)
      values.push(await wrap())
      // A link that flaps says nothing about a store that is out.
      if (waited === 1_000) bus.heal()
      if (waited === 2_000) bus.cut()
    }
    expect(values).toEqual(Array(values.length).fill(2))
    await clock.advance(300)
    expect(await wrap()).toBe(3)
  })

  test('what this process itself invalidates is gone all the same', async () => {
    await clock.advance(100)
    expect(await wrap()).toBe(2)
    await expect(cache.delete('a')).rejects.toThrow()
    expect(await wrap()).toBe(3)
    await expect(cache.clear()).rejects.toThrow()
    expect(await wrap()).toBe(4)
  })
})

test('a store that goes silent together with the bus is found out before the near tier is given up', async () => {
  await wrap()
  await clock.advance(100)
  store.play([{ kind: 'hang' }])
  bus.cut()
  const before = clock.monotonic()
  // Served from the near tier while the store is asked, and loaded without asking it afterwards.
  expect(await wrap()).toBe(1)
  await clock.advance(250)
  const since = clock.monotonic()
  expect(await wrap()).toBe(2)
  expect(clock.monotonic()).toBe(since)
  expect(since - before).toBe(250)
})

test('a bus that was cut is down until it says that it is up, and never only silent', async () => {
  await wrap()
  bus.cut()
  await clock.advance(10_000)
  expect(reasons).toEqual(['up', 'down'])
  bus.heal()
  await clock.advance(10_000)
  expect(reasons.slice(2)).toEqual(['up'])
})

test('what was kept before a bus was cut is looked up again, and found in the store', async () => {
  const other = createCache({ store, bus: false, clock })
  await wrap()
  bus.cut()
  await clock.advance(1)
  await other.set('a', 10)
  expect(await wrap()).toBe(10)
  await other.close()
})

describe('a load that began while the store was out, in a process without a near tier', () => {
  const begun = async (resilience: { outageMemo?: number }) => {
    const world = new Processes()
    const { cache, store, far } = world.start({ memory: false, resilience })
    store.play([{ kind: 'reject' }])
    for (let call = 0; call < 5; call++) await cache.get('other')
    expect(far.tier.store.isUsable).toBe(false)
    const { load, runs } = held<string>()
    const first = watched(cache.wrap('key', load))
    await world.rest()
    expect(runs).toHaveLength(1)
    return { world, cache, load, runs, first }
  }

  test('answers whoever comes while its value would be believed near: one load for all', async () => {
    const { world, cache, load, runs, first } = await begun({})
    await world.clock.advance(4_900)
    const late = watched(cache.wrap('key', load))
    await world.rest()
    runs[0]?.resolve('first')
    await world.rest()
    expect([first.value, late.value]).toEqual(['first', 'first'])
    expect(runs).toHaveLength(1)
    await world.close()
  })

  test('answers nobody who comes later than that, when much may have been invalidated elsewhere', async () => {
    const { world, cache, load, runs, first } = await begun({ outageMemo: 400 })
    await world.clock.advance(401)
    const late = [1, 2, 3].map(() => watched(cache.wrap('key', load)))
    const many = watched(cache.wrapMany<string>(['key'], async () => [await load()]))
    await world.rest()
    expect(runs).toHaveLength(1)
    runs[0]?.resolve('first')
    await world.rest()
    expect([first.value, ...late.map(({ settled }) => settled)]).toEqual([
      'first',
      ...[false, false, false],
    ])
    expect(runs).toHaveLength(2)
    runs[1]?.resolve('second')
    await world.rest()
    expect(late.map(({ value }) => value)).toEqual(['second', 'second', 'second'])
    expect([...(many.value ?? [])]).toEqual([['key', 'second']])
    await world.close()
  })
})
