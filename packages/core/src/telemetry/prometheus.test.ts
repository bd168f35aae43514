import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import { describe, expect, test } from 'vitest'
import { createCache } from '../cache.ts'
import { StoreError } from '../errors.ts'
import { type Ties, ties } from '../observe/ties.ts'
import { shardedStore } from '../sharding/sharded-store.ts'
import { memoryStore } from '../store/memory-store.ts'
import { fakeCache } from '../testing/fake-cache.ts'
import { fakeClock } from '../testing/fake-clock.ts'
import { faultyStore } from '../testing/faulty-store.ts'
import { histograms } from './metrics-table.ts'
import { prometheus } from './prometheus.ts'

/** Every sample of the text, by name and labels as they are written. */
function samplesOf(text: string): Map<string, number> {
  return new Map(
    text
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
      .map((line) => {
        const end = line.lastIndexOf(' ')
        return [line.slice(0, end), Number(line.slice(end + 1))]
      }),
  )
}

describe('the text for Prometheus', () => {
  test('holds several caches, their servers and their histograms', async () => {
    const clock = fakeClock()
    const store = shardedStore({
      clock,
      servers: ['10.0.0.1:11211', '10.0.0.2:11211'].map((name) => ({
        name,
        weight: 1,
        store: memoryStore(),
      })),
    })
    const over = createCache({ name: 'over', clock, store })
    const alone = createCache({ name: 'alone', clock })
    prometheus([over, alone])
    for (const cache of [over, alone]) {
      await cache.wrap('key', () => 1)
      await cache.wrap('key', () => 1)
      await cache.wrap('bad', () => Promise.reject(new Error('no'))).catch(() => {})
      await cache.health()
    }
    const text = prometheus([over, alone])
    const samples = samplesOf(text)
    expect(samples.get('holdfast_requests_total{cache="alone",outcome="hit"}')).toBe(1)
    expect(samples.get('holdfast_requests_total{cache="alone",outcome="miss"}')).toBe(2)
    expect(samples.get('holdfast_load_failures_total{cache="over",reason="error"}')).toBe(1)
    expect(samples.get('holdfast_breaker_state{cache="over"}')).toBe(0)
    expect(samples.get('holdfast_bus_connected{cache="over"}')).toBeDefined()
    expect(samples.has('holdfast_server_entries{cache="over",server="10.0.0.1:11211"}')).toBe(true)
    expect(
      samples.get(
        'holdfast_load_duration_seconds_count{cache="over",reason="miss",outcome="error"}',
      ),
    ).toBe(1)
    expect(
      [...samples.keys()].filter((name) => name.includes('alone') && name.includes('server')),
    ).toEqual([])
    await over.close()
    await alone.close()
    await store.close?.()
  })

  test('says of every sample what prom-client says of the same numbers, in the same form', async () => {
    const clock = fakeClock()
    const cache = createCache({ name: 'quo"te\\back\nline', clock })
    prometheus(cache)
    for (const ms of [2, 1, 7, 80, 20_000]) {
      const load = () => new Promise((resolve) => clock.setTimeout(() => resolve(ms), ms))
      const loaded = cache.wrap(`key ${ms}`, load, { loadTimeout: '1h' })
      await clock.advance(ms)
      await loaded
    }
    const text = prometheus(cache)

    const registry = new Registry()
    const labels = { cache: 'quo"te\\back\nline' }
    const requests = new Counter({
      name: 'holdfast_requests_total',
      help: 'Keys asked for, by how they were answered.',
      labelNames: ['cache', 'outcome'],
      registers: [registry],
    })
    requests.inc({ ...labels, outcome: 'hit' }, 0)
    requests.inc({ ...labels, outcome: 'stale' }, 0)
    requests.inc({ ...labels, outcome: 'miss' }, 5)
    new Gauge({
      name: 'holdfast_near_entries',
      help: 'Entries in memory.',
      labelNames: ['cache'],
      registers: [registry],
    }).set(labels, 5)
    const durations = new Histogram({
      name: 'holdfast_load_duration_seconds',
      help: 'How long loaders took.',
      labelNames: ['cache', 'reason', 'outcome'],
      buckets: [...histograms.loads.buckets],
      registers: [registry],
    })
    for (const seconds of [0.002, 0.001, 0.007, 0.08, 20])
      durations.observe({ ...labels, reason: 'miss', outcome: 'ok' }, seconds)
    const theirs = await registry.metrics()

    const ours = samplesOf(text)
    const byLabels = (written: string) =>
      written.replace(/\{(.*)\}/, (_, inside: string) => `{${inside.split(',').sort().join(',')}}`)
    const normalized = new Map([...ours].map(([name, value]) => [byLabels(name), value]))
    for (const [name, value] of samplesOf(theirs))
      expect([name, normalized.get(byLabels(name))]).toEqual([name, value])
    for (const line of theirs.split('\n').filter((each) => each.startsWith('#')))
      expect(text).toContain(line)
    await cache.close()
  })

  test('counts a namespace with its cache, and refuses two caches of one name', async () => {
    const cache = createCache({ name: 'one' })
    expect(prometheus([cache, cache.namespace('inside')])).toBe(prometheus(cache))
    const other = createCache({ name: 'one' })
    expect(() => prometheus([cache, other])).toThrow("two caches named 'one'")
    expect(() => prometheus({} as never)).toThrow('a cache that createCache has made')
    await cache.close()
    await other.close()
  })

  test('grows with nothing that callers bring: keys, tags, namespaces, errors, reasons', async () => {
    const clock = fakeClock()
    const store = faultyStore(memoryStore({ clock }), { clock, faults: [] })
    const cache = createCache({ name: 'shop', clock, store })
    cache.on('error', () => {})
    const { tell } = (cache as unknown as { [ties]: Ties })[ties]
    prometheus(cache)
    const act = async (from: number, to: number) => {
      for (let index = from; index < to; index++) {
        const key = `key ${index}`
        await cache.namespace(`inside ${index}`).wrap(key, () => 'x'.repeat(index % 500))
        await cache.wrap(key, () => index, { tags: [`tag ${index}`] })
        const error = Object.assign(new Error('no'), { name: `Error${index}` })
        await cache.wrap(`bad ${index}`, () => Promise.reject(error)).catch(() => {})
        const kind = `kind ${index}` as never
        store.play([{ kind: 'reject', on: 'getMany', error: new StoreError('no', { kind }) }])
        await cache.getMany([`a ${index}`, `b ${index}`])
        store.play([])
        tell({ event: 'refused', key, reason: `why ${index}` })
        await cache.invalidateTags([`tag ${index}`])
      }
    }
    const lines = () => prometheus(cache).split('\n').length
    await act(0, 20)
    const before = lines()
    await act(20, 1_000)
    expect(lines()).toBe(before)
    expect(before).toBeLessThan(500)
    await cache.close()
  })

  test('of a fake cache, and of a closed one, is what they have', async () => {
    const cache = fakeCache({ name: 'fake' })
    await cache.get('absent')
    expect(prometheus(cache)).toContain('holdfast_requests_total{cache="fake",outcome="miss"} 1\n')
    await cache.close()
    expect(prometheus(cache)).toContain('holdfast_requests_total{cache="fake",outcome="miss"} 1\n')
    expect(cache.clock.pendingTimers).toBe(0)
  })

  test('leaves memory’s own hits as fast as they are: nobody hears of them', async () => {
    const cache = createCache({ name: 'fast' })
    await cache.set('key', 1)
    prometheus(cache)
    for (let asked = 0; asked < 10; asked++) await cache.get('key')
    const text = prometheus(cache)
    expect(text).toContain('holdfast_requests_total{cache="fast",outcome="hit"} 10\n')
    expect(text).not.toContain('holdfast_request_duration_seconds')
    await cache.close()
  })

  test('begins to ask the servers, and tells what they said', async () => {
    const clock = fakeClock()
    const store = memoryStore()
    const cache = createCache({ name: 'shop', clock, store })
    await cache.set('key', 1)
    prometheus(cache)
    await clock.advance('15s')
    expect(prometheus(cache)).toMatch(
      /holdfast_server_entries\{cache="shop",server="memory"\} \d+\n/,
    )
    await cache.close()
    expect(clock.pendingTimers).toBe(0)
  })
})
