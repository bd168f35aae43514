import { channel } from 'node:diagnostics_channel'
import { describe, expect, test } from 'vitest'
import { type Cache, createCache } from '../cache.ts'
import { StoreError } from '../errors.ts'
import type { HealthEvent } from '../observe/events.ts'
import type { CacheOptions } from '../options/options.ts'
import { shardedStore } from '../sharding/sharded-store.ts'
import { failoverStore } from '../store/failover-store.ts'
import { memoryStore } from '../store/memory-store.ts'
import type { Bus, Store, StoreMetrics } from '../store/store.ts'
import { prometheus } from '../telemetry/prometheus.ts'
import { type FakeClock, fakeClock } from '../testing/fake-clock.ts'
import { faultyStore } from '../testing/faulty-store.ts'
import type { HealthCheck } from './health-report.ts'
import type { HealthCheckName } from './thresholds.ts'

async function check(cache: Cache, name: HealthCheckName): Promise<HealthCheck> {
  const { checks } = await cache.health()
  const found = checks.find((each) => each.name === name)
  if (found === undefined) throw new Error(`there is no check ${name}`)
  return found
}

/** A store that tells what the test says, and counts how often it was asked. */
function tellingStore(metrics: StoreMetrics | (() => StoreMetrics)) {
  const told = { metrics, asked: 0 }
  const store: Store = {
    ...memoryStore(),
    metrics: async () => {
      told.asked++
      return typeof told.metrics === 'function' ? told.metrics() : told.metrics
    },
  }
  return { store, told }
}

function cacheOver(store: Store, more: CacheOptions = {}): { cache: Cache; clock: FakeClock } {
  const clock = fakeClock()
  return { cache: createCache({ store, bus: false, clock, ...more }), clock }
}

/** So many keys are asked for, of which so many are kept. */
async function ask(cache: Cache, hits: number, misses: number): Promise<void> {
  await cache.set('kept', 1, { ttl: Infinity })
  for (let asked = 0; asked < hits; asked++) await cache.get('kept')
  for (let asked = 0; asked < misses; asked++) await cache.get('absent')
}

describe('the hit rate', () => {
  test.for([
    [8_000, 2_000, 'ok'],
    [7_999, 2_001, 'warn'],
    [6_000, 4_000, 'warn'],
    [5_999, 4_001, 'critical'],
  ] as const)('of %i in %i more is %s after a whole window', async ([hits, misses, status]) => {
    const clock = fakeClock()
    const cache = createCache({ clock })
    await ask(cache, hits, misses)
    expect((await check(cache, 'hit_rate')).status).toBe('unknown')
    await clock.advance('299s')
    expect((await check(cache, 'hit_rate')).status).toBe('unknown')
    await clock.advance('1s')
    const found = await check(cache, 'hit_rate')
    expect(found).toMatchObject({ status, value: hits / 10_000, warn: 0.8, critical: 0.6 })
    expect(found.windowS).toBe(300)
    expect((await cache.health()).status).toBe(status)
    await cache.close()
  })

  test('counts stale answers as hits', async () => {
    const clock = fakeClock()
    const cache = createCache({ clock })
    const options = { ttl: '1s', staleWhileRevalidate: '1h', jitter: 0 } as const
    await cache.set('key', 1, options)
    await clock.advance('2s')
    await cache.health()
    for (let asked = 0; asked < 1_000; asked++) await cache.get('key')
    expect(cache.stats().stale).toBe(1_000)
    await clock.advance('5m')
    expect(await check(cache, 'hit_rate')).toMatchObject({ value: 1, status: 'ok' })
    await cache.close()
  })

  test('of fewer than 1,000 requests is unknown, and so is the cache', async () => {
    const clock = fakeClock()
    const cache = createCache({ clock })
    await ask(cache, 999, 0)
    await cache.health()
    await clock.advance('5m')
    expect(await check(cache, 'hit_rate')).toMatchObject({ value: undefined, status: 'unknown' })
    expect((await cache.health()).status).toBe('unknown')
    await cache.close()
  })

  test('is left after two clean windows, and not after one', async () => {
    const clock = fakeClock()
    const cache = createCache({ clock })
    const answers = async (hits: number, misses: number) => {
      await ask(cache, hits, misses)
      await clock.advance('5m')
      return (await check(cache, 'hit_rate')).status
    }
    await cache.health()
    expect(await answers(500, 500)).toBe('critical')
    expect(await answers(900, 100)).toBe('critical')
    expect(await answers(900, 100)).toBe('ok')
    await cache.close()
  })
})

describe('the servers', () => {
  test.for([
    ['replication_lag_s', { replicationLagMs: 1_000 }, 'ok'],
    ['replication_lag_s', { replicationLagMs: 1_001 }, 'warn'],
    ['replication_lag_s', { replicationLagMs: 5_000 }, 'warn'],
    ['replication_lag_s', { replicationLagMs: 5_001 }, 'critical'],
    ['memory_utilization', { usedBytes: 700, limitBytes: 1_000 }, 'ok'],
    ['memory_utilization', { usedBytes: 701, limitBytes: 1_000 }, 'warn'],
    ['memory_utilization', { usedBytes: 850, limitBytes: 1_000 }, 'warn'],
    ['memory_utilization', { usedBytes: 851, limitBytes: 1_000 }, 'critical'],
    ['connections', { connections: 50_000 }, 'ok'],
    ['connections', { connections: 50_001 }, 'warn'],
    ['connections', { connections: 60_000 }, 'warn'],
    ['connections', { connections: 60_001 }, 'critical'],
  ] as const)(
    '%s of %o is %s, after a whole window and not before',
    async ([name, metrics, status]) => {
      const { store } = tellingStore(metrics)
      const { cache, clock } = cacheOver(store)
      expect((await check(cache, name)).status).toBe('unknown')
      await clock.advance('299s')
      expect((await check(cache, name)).status).toBe('unknown')
      await clock.advance('1s')
      expect((await check(cache, name)).status).toBe(status)
      await cache.close()
    },
  )

  test.for([
    [100, 'ok'],
    [101, 'warn'],
    [1_000, 'warn'],
    [1_001, 'critical'],
  ] as const)('%i evictions a minute are %s', async ([perMinute, status]) => {
    const { store, told } = tellingStore({ evictions: 7 })
    const { cache, clock } = cacheOver(store)
    await cache.health()
    told.metrics = { evictions: 7 + perMinute * 5 }
    await clock.advance('5m')
    expect(await check(cache, 'evictions_per_min')).toMatchObject({ value: perMinute, status })
    await cache.close()
  })

  test.for([
    [0.6, 'ok'],
    [0.6001, 'warn'],
    [0.8, 'warn'],
    [0.8001, 'critical'],
  ] as const)('%f of a processor is %s', async ([share, status]) => {
    const { store, told } = tellingStore({ cpuMs: 0 })
    const { cache, clock } = cacheOver(store)
    await cache.health()
    told.metrics = { cpuMs: Math.round(300_000 * share) }
    await clock.advance('5m')
    expect((await check(cache, 'cpu_utilization')).status).toBe(status)
    await cache.close()
  })

  test('a peak shorter than a window is not told, and a warning stays for two clean windows', async () => {
    const { store, told } = tellingStore({ connections: 60_001 })
    const { cache, clock } = cacheOver(store)
    const next = async (connections: number, ms: number) => {
      told.metrics = { connections }
      await clock.advance(ms)
      return (await check(cache, 'connections')).status
    }
    await cache.health()
    expect(await next(60_001, 285_000)).toBe('unknown')
    expect(await next(1, 300_000)).toBe('ok')
    expect(await next(60_001, 300_000)).toBe('ok')
    expect(await next(60_001, 15_000)).toBe('critical')
    expect(await next(1, 300_000)).toBe('critical')
    expect(await next(1, 285_000)).toBe('critical')
    expect(await next(1, 15_000)).toBe('ok')
    await cache.close()
  })

  test('are asked once in 15 s, by however many calls and caches', async () => {
    const { store, told } = tellingStore({ connections: 1 })
    const clock = fakeClock()
    const caches = ['a', 'b', 'c'].map((name) => createCache({ store, name, bus: false, clock }))
    await Promise.all(caches.flatMap((cache) => [cache.health(), cache.health()]))
    expect(told.asked).toBe(1)
    await clock.advance('60s')
    await Promise.all(caches.map((cache) => cache.health()))
    expect(told.asked).toBe(5)
    for (const cache of caches) await cache.close()
    expect(clock.pendingTimers).toBe(0)
  })

  test('are not asked before somebody asks for their health', async () => {
    const { store, told } = tellingStore({ connections: 1 })
    const { cache, clock } = cacheOver(store)
    await clock.advance('10m')
    expect(told.asked).toBe(0)
    await cache.close()
  })

  test('that tell nothing are unknown, never ok, and asked again after five minutes', async () => {
    const { store, told } = tellingStore({})
    const { cache, clock } = cacheOver(store)
    await cache.health()
    await clock.advance('5m')
    const report = await cache.health()
    expect(report.status).toBe('unknown')
    const servers = report.checks.filter(
      ({ windowS, name }) => windowS > 0 && !name.endsWith('_rate'),
    )
    expect(servers.map(({ status }) => status)).toEqual(Array(5).fill('unknown'))
    expect(told.asked).toBe(2)
    await cache.close()
  })

  test('that hang or refuse cost a call two seconds at most, and no rejection', async () => {
    const never = memoryStore()
    const { cache, clock } = cacheOver({ ...never, metrics: () => new Promise(() => {}) })
    const report = cache.health()
    await clock.advance('2s')
    expect((await report).status).toBe('unknown')
    const refusing = async () => {
      throw new StoreError('no', { kind: 'denied' })
    }
    const other = cacheOver({ ...memoryStore(), metrics: refusing })
    expect((await other.cache.health()).status).toBe('unknown')
    await cache.close()
    await other.cache.close()
  })

  test('with what they have not left out are ok as a whole: no replica, no bound', async () => {
    const { store } = tellingStore({ connections: 5, usedBytes: 1, cpuMs: 5, evictions: 0 })
    const { cache, clock } = cacheOver(store, { health: { thresholds: { hit_rate: false } } })
    await cache.health()
    await clock.advance('5m')
    const { status, checks } = await cache.health()
    expect(status).toBe('ok')
    expect(checks.filter((each) => each.status === 'unknown').map(({ name }) => name)).toEqual([
      'store_error_rate',
      'memory_utilization',
      'replication_lag_s',
    ])
    await cache.close()
  })

  test('a restarted server is not read as evictions below zero, but as new', async () => {
    const { store, told } = tellingStore({ evictions: 50_000, uptimeMs: 1e9 })
    const { cache, clock } = cacheOver(store)
    await cache.health()
    await clock.advance('150s')
    told.metrics = { evictions: 3, uptimeMs: 5 }
    await clock.advance('150s')
    expect(await check(cache, 'evictions_per_min')).toMatchObject({ value: undefined })
    await clock.advance('5m')
    expect(await check(cache, 'evictions_per_min')).toMatchObject({ value: 0, status: 'ok' })
    await cache.close()
  })

  test('of a sharded store are judged one by one, and the worst is named', async () => {
    const clock = fakeClock()
    const store = shardedStore({
      clock,
      servers: ['one:1', 'two:2', 'three:3'].map((name, index) => ({
        name,
        weight: 1,
        store: tellingStore({ usedBytes: 600 + index * 100, limitBytes: 1_000 }).store,
      })),
    })
    const cache = createCache({ store, bus: false, clock })
    await cache.health()
    await clock.advance('5m')
    expect(await check(cache, 'memory_utilization')).toMatchObject({
      status: 'warn',
      value: 0.8,
      server: 'three:3',
    })
    await cache.close()
    await store.close?.()
  })

  /** A sharded store of two servers that use so much of what they may. */
  const shardsThatUse = (clock: FakeClock, ...used: readonly number[]) =>
    shardedStore({
      clock,
      servers: used.map((usedBytes, index) => ({
        name: `${index + 1}:1`,
        weight: 1,
        store: tellingStore({ usedBytes, limitBytes: 1_000 }).store,
      })),
    })

  test('of a failover store are judged one by one, those of a sharded store inside it and the gutter too', async () => {
    const clock = fakeClock()
    const main = faultyStore(shardsThatUse(clock, 100, 800), { clock, faults: [] })
    const gutter = tellingStore({ usedBytes: 900, limitBytes: 1_000 })
    const store = failoverStore([main, gutter.store], { clock })
    const cache = createCache({ name: 'shop', store, bus: false, clock })
    await cache.health()
    await clock.advance('5m')
    expect(await check(cache, 'memory_utilization')).toMatchObject({
      status: 'critical',
      value: 0.9,
      server: 'gutter',
    })
    gutter.told.metrics = { usedBytes: 1, limitBytes: 1_000 }
    await clock.advance('11m')
    expect(await check(cache, 'memory_utilization')).toMatchObject({
      status: 'warn',
      value: 0.8,
      server: 'main: 2:1',
    })
    const text = prometheus(cache)
    for (const [server, bytes] of [
      ['main: 1:1', 100],
      ['main: 2:1', 800],
      ['gutter', 1],
    ])
      expect(text).toContain(
        `holdfast_server_memory_used_bytes{cache="shop",server="${server}"} ${bytes}\n`,
      )
    await cache.close()
    await store.close()
    expect(clock.pendingTimers).toBe(0)
  })

  test('of a failover store whose main one does not answer are unknown, and the gutter is told of', async () => {
    const clock = fakeClock()
    const main = faultyStore(shardsThatUse(clock, 100), { clock, faults: [{ kind: 'reject' }] })
    const gutter = tellingStore({ usedBytes: 1, limitBytes: 1_000 })
    const store = failoverStore([main, gutter.store], { clock })
    const cache = createCache({ name: 'shop', store, bus: false, clock })
    cache.on('error', () => {})
    await cache.health()
    await clock.advance('5m')
    expect(await check(cache, 'memory_utilization')).toMatchObject({
      status: 'ok',
      server: 'gutter',
    })
    expect(prometheus(cache)).not.toMatch(/holdfast_server_.*server="main/)
    await cache.close()
    await store.close()
  })

  test('of shards that are themselves over several servers are told apart by both names', async () => {
    const clock = fakeClock()
    const store = shardedStore({
      clock,
      servers: [{ name: 'east', weight: 1, store: shardsThatUse(clock, 100, 860) }],
    })
    const cache = createCache({ store, bus: false, clock })
    await cache.health()
    await clock.advance('5m')
    expect(await check(cache, 'memory_utilization')).toMatchObject({
      status: 'critical',
      server: 'east: 2:1',
    })
    await cache.close()
    await store.close?.()
  })
})

describe('what this process knows itself', () => {
  test('a store that is out warns past 10 s and is critical past 60 s, and is not asked how it is', async () => {
    const clock = fakeClock()
    const inner = tellingStore({ connections: 1 })
    const store = faultyStore(inner.store, { faults: [{ kind: 'reject' }] })
    const cache = createCache({ store, bus: false, clock })
    cache.on('error', () => {})
    for (let call = 0; call < 5; call++) await cache.wrap(`key ${call}`, () => 1)
    await clock.advance('9s')
    expect((await check(cache, 'store_out_s')).status).toBe('ok')
    await clock.advance('2s')
    expect((await check(cache, 'store_out_s')).status).toBe('warn')
    await clock.advance('60s')
    expect((await cache.health()).status).toBe('critical')
    expect(inner.told.asked).toBe(0)
    await cache.close()
  })

  test('a bus that is down warns past 3 s and is critical past 30 s, and is ok once it is up', async () => {
    const clock = fakeClock()
    const line: { message?: (bytes: Uint8Array) => void; state?: (state: 'up' | 'down') => void } =
      {}
    const bus: Bus = {
      publish: async (bytes) => line.message?.(bytes),
      subscribe(message, state) {
        Object.assign(line, { message, state })
        queueMicrotask(() => state('up'))
        return () => {}
      },
      close: async () => {},
    }
    const cache = createCache({ store: memoryStore({ clock }), bus, clock })
    await cache.get('the store has been opened')
    await clock.advance('5s')
    expect(await check(cache, 'bus_down_s')).toMatchObject({ status: 'ok', value: 0, windowS: 0 })
    line.state?.('down')
    const after = async (ms: number) => {
      await clock.advance(ms)
      return (await check(cache, 'bus_down_s')).status
    }
    expect(await after(3_000)).toBe('ok')
    expect(await after(1)).toBe('warn')
    expect(await after(26_999)).toBe('warn')
    expect(await after(1)).toBe('critical')
    expect((await cache.health()).status).toBe('critical')
    line.state?.('up')
    expect(await after(0)).toBe('ok')
    await cache.close()
  })

  test('a journal that fills warns past a half and is critical past nine tenths', async () => {
    const clock = fakeClock()
    const store = faultyStore(memoryStore({ clock }), { clock, faults: [] })
    const cache = createCache({ store, bus: false, clock, resilience: { journal: 20 } })
    cache.on('error', () => {})
    await cache.get('the store has been opened')
    store.play([{ kind: 'reject' }])
    const found: [number | undefined, string][] = []
    for (let deleted = 1; deleted <= 19; deleted++) {
      await cache.delete(`key ${deleted}`).catch(() => {})
      const { value, status } = await check(cache, 'journal_fill')
      found.push([value, status])
    }
    expect(found.slice(9, 11)).toEqual([
      [0.5, 'ok'],
      [0.55, 'warn'],
    ])
    expect(found.slice(17)).toEqual([
      [0.9, 'warn'],
      [0.95, 'critical'],
    ])
    for (let deleted = 0; deleted < 40; deleted++)
      await cache.delete(`more ${deleted}`).catch(() => {})
    expect(await check(cache, 'journal_fill')).toMatchObject({ value: 1, status: 'critical' })
    store.heal()
    await clock.advance('10s')
    expect(await check(cache, 'journal_fill')).toMatchObject({ value: 0, status: 'ok' })
    await cache.close()
  })

  test.for([
    [9_900, 100, 'ok'],
    [9_899, 101, 'warn'],
    [9_500, 500, 'warn'],
    [9_499, 501, 'critical'],
  ] as const)(
    'a store that does %i operations and fails %i more is %s after a whole window',
    async ([done, failed, status]) => {
      const clock = fakeClock()
      const store = faultyStore(memoryStore({ clock }), { clock, faults: [] })
      const cache = createCache({ store, bus: false, memory: false, clock })
      cache.on('error', () => {})
      await cache.health()
      // The first read of all also asks for the version of the namespace, in the same operation.
      for (let call = 0; call < done; call++) await cache.get('key')
      // Refused to this user, which says nothing against the server.
      const error = new StoreError('no', { kind: 'denied' })
      store.play([{ kind: 'reject', error }])
      for (let call = 0; call < failed; call++) await cache.get('key')
      store.play([])
      expect((await check(cache, 'store_error_rate')).status).toBe('unknown')
      await clock.advance('299s')
      expect((await check(cache, 'store_error_rate')).status).toBe('unknown')
      await clock.advance('1s')
      expect(await check(cache, 'store_error_rate')).toMatchObject({
        status,
        value: failed / (done + failed),
      })
      await cache.close()
    },
  )

  test('too few operations to judge a store by are unknown, and do not count for the whole', async () => {
    const clock = fakeClock()
    const store = tellingStore({ connections: 1, cpuMs: 1, evictions: 0, usedBytes: 1 })
    const cache = createCache({
      store: store.store,
      bus: false,
      clock,
      health: { thresholds: { hit_rate: false } },
    })
    await cache.health()
    for (let call = 0; call < 900; call++) await cache.get(`absent ${call}`)
    await clock.advance('5m')
    expect(await check(cache, 'store_error_rate')).toMatchObject({
      status: 'unknown',
      value: undefined,
    })
    expect((await cache.health()).status).toBe('ok')
    await cache.close()
  })

  test('each change is told once as an event, and on the channel of the process', async () => {
    const { store } = tellingStore({ replicationLagMs: 6_000 })
    const { cache, clock } = cacheOver(store, { name: 'shop' })
    const heard: HealthEvent[] = []
    const published: unknown[] = []
    const onMessage = (message: unknown) => void published.push(message)
    cache.on('health', (event) => heard.push(event))
    channel('holdfast:health').subscribe(onMessage)
    await cache.health()
    await clock.advance('10m')
    const lag = heard.filter((event) => event.check === 'replication_lag_s')
    expect(lag).toEqual([
      {
        cache: 'shop',
        check: 'replication_lag_s',
        status: 'critical',
        before: 'unknown',
        value: 6,
      },
    ])
    expect(published).toContainEqual(lag[0])
    channel('holdfast:health').unsubscribe(onMessage)
    await cache.close()
  })
})

describe('options', () => {
  test('set thresholds, window and poll, and leave checks out', async () => {
    const { store, told } = tellingStore({ connections: 11 })
    const { cache, clock } = cacheOver(store, {
      health: {
        window: '1m',
        poll: '30s',
        thresholds: { connections: { warn: 10 }, hit_rate: false },
      },
    })
    await cache.health()
    await clock.advance('1m')
    const { checks } = await cache.health()
    expect(checks.map(({ name }) => name)).not.toContain('hit_rate')
    expect(checks.find(({ name }) => name === 'connections')).toMatchObject({
      status: 'warn',
      warn: 10,
      critical: 60_000,
      windowS: 60,
    })
    expect(told.asked).toBe(3)
    await cache.close()
  })

  test.for([
    [{ thresholds: { hitrate: {} } }, "did you mean 'hit_rate'"],
    [{ thresholds: { hit_rate: { wran: 1 } } }, "did you mean 'warn'"],
    [{ thresholds: { connections: { warn: -1 } } }, 'health.thresholds.connections.warn must be'],
    [{ thresholds: { connections: { warn: 70_000 } } }, 'health.thresholds.connections.critical'],
    [{ thresholds: { hit_rate: { critical: 0.9 } } }, 'health.thresholds.hit_rate.critical'],
    [{ window: 0 }, 'health.window must be a duration above 0'],
    [{ pol: '1s' }, "did you mean 'poll'"],
  ] as const)('%o is refused', ([health, message]) => {
    expect(() => createCache({ health: health as never })).toThrow(message)
  })
})

test('a closed cache has no health, and closing leaves no timer behind', async () => {
  const { store } = tellingStore({ connections: 1 })
  const { cache, clock } = cacheOver(store)
  await cache.health()
  await cache.close()
  expect(clock.pendingTimers).toBe(0)
  await expect(cache.health()).rejects.toThrow('is closed')
})
