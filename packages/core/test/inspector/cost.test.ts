import { describe, expect, test } from 'vitest'
import { type Cache, createCache } from '../../src/cache.ts'
import { type Inside, inside } from '../../src/observe/inside.ts'
import { shardedStore } from '../../src/sharding/sharded-store.ts'
import { memoryStore } from '../../src/store/memory-store.ts'
import { inspector } from '../../src/telemetry/inspector/inspector.ts'
import { RingSample } from '../../src/telemetry/inspector/ring-spread.ts'
import { fakeClock } from '../../src/testing/fake-clock.ts'

const look = async (inspect: (request: Request) => Promise<Response>) => {
  const response = await inspect(new Request('http://inside.example/?view=state'))
  return ((await response.json()) as { cache: Record<string, unknown> }).cache
}
const observerOf = (cache: Cache) =>
  (cache as Cache & { readonly [inside]: Inside })[inside].engine.observer

describe('a page that nobody looks at', () => {
  test('costs nothing: no listener, no timer, no watching of health', () => {
    const clock = fakeClock()
    const cache = createCache({ clock })
    inspector(cache, { authorize: () => true, clock })
    expect(observerOf(cache).hearsHits).toBe(false)
    expect(observerOf(cache).hears('load')).toBe(false)
    expect(clock.pendingTimers).toBe(0)
  })

  test('costs nothing any more once three refreshes did not come', async () => {
    const clock = fakeClock()
    const cache = createCache({ clock })
    const inspect = inspector(cache, { authorize: () => true, clock })
    await look(inspect)
    expect(observerOf(cache).hearsHits).toBe(true)
    await clock.advance(5_999)
    expect(observerOf(cache).hears('load')).toBe(true)
    await clock.advance(1)
    expect(observerOf(cache).hearsHits).toBe(false)
    expect(observerOf(cache).hears('load')).toBe(false)
    await cache.close()
    expect(clock.pendingTimers).toBe(0)
  })
})

describe('a page that somebody looks at', () => {
  test('hears of a thousand answers after each look and no more, however many there are', async () => {
    const clock = fakeClock()
    const cache = createCache({ clock })
    const inspect = inspector(cache, { authorize: () => true, clock })
    await cache.set('a', 1)
    await look(inspect)
    for (let call = 1; call <= 1_500; call++) {
      await cache.get('a')
      expect(observerOf(cache).hearsHits).toBe(call < 1_000)
    }
    expect(await look(inspect)).toMatchObject({ latency: { near: { samples: 1_000 } } })
    expect(observerOf(cache).hearsHits).toBe(true)
    await cache.close()
  })

  test('is told how long loads took', async () => {
    const clock = fakeClock()
    const cache = createCache({ clock })
    const inspect = inspector(cache, { authorize: () => true, clock })
    await look(inspect)
    for (let key = 1; key <= 100; key++) {
      const loaded = cache.wrap(
        `${key}`,
        () => new Promise((f) => clock.setTimeout(() => f(1), key)),
      )
      await clock.advance(key)
      await loaded
    }
    const { latency } = await look(inspect)
    expect(latency).toEqual({ load: { samples: 100, p50: 50, p95: 95, p99: 99 } })
    await cache.close()
  })
})

describe('the ring', () => {
  const servers = (...weights: number[]) =>
    weights.map((weight, i) => ({ name: `server-${i}`, weight, store: memoryStore() }))

  test('is a sample of its keys beside what the weights say', async () => {
    const store = shardedStore({ servers: servers(1, 1, 2) })
    const cache = createCache({ store })
    const { ring } = await look(inspector(cache, { authorize: () => true }))
    const { keys, servers: shares } = ring as Awaited<ReturnType<RingSample['spread']>>
    expect(keys).toBe(4_000)
    expect(shares.map(({ name, due, state }) => [name, due, state])).toEqual([
      ['server-0', 0.25, 'in'],
      ['server-1', 0.25, 'in'],
      ['server-2', 0.5, 'in'],
    ])
    for (const { share, due } of shares) expect(Math.abs(share - due!)).toBeLessThan(0.04)
    expect(shares.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1)
    await cache.close()
  })

  test('is counted once, and anew when the servers change', async () => {
    const store = shardedStore({ servers: servers(1, 1) })
    let asked = 0
    const sample = new RingSample({
      explain: (key) => {
        asked++
        return store.explain(key)
      },
      stats: () => store.stats(),
    })
    await Promise.all([sample.spread(), sample.spread()])
    await sample.spread()
    expect(asked).toBe(4_000)
    store.setServers(servers(1, 1, 1))
    expect((await sample.spread()).servers).toHaveLength(3)
    expect(asked).toBe(8_000)
    await store.close()
  })

  test('of a store that only says where a key is has no weights', async () => {
    const sample = new RingSample({ explain: () => ({ server: 'only' }) })
    expect(await sample.spread()).toEqual({ keys: 4_000, servers: [{ name: 'only', share: 1 }] })
  })

  test('is not there in a cache of one server', async () => {
    const cache = createCache({ store: memoryStore() })
    expect(await look(inspector(cache, { authorize: () => true }))).not.toHaveProperty('ring')
    await cache.close()
  })
})
