import { AsyncLocalStorage } from 'node:async_hooks'
import { createRequire, registerHooks } from 'node:module'
import type { Context } from '@opentelemetry/api'
import type { ReadableSpan } from '@opentelemetry/sdk-trace-base'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { canary } from '../../../../lab/src/canary.ts'
import { type Cache, createCache } from '../cache.ts'
import { inside } from '../observe/inside.ts'
import type { SessionStats } from '../session/session-counters.ts'
import { memoryStore } from '../store/memory-store.ts'
import { fakeClock } from '../testing/fake-clock.ts'
import { type AuditRecord, audit } from './audit.ts'
import { instrument } from './instrument.ts'
import { histograms, metrics } from './metrics-table.ts'

// The test runner asks for builds that are meant for bundlers, which Node cannot load.
registerHooks({
  resolve: (specifier, from, next) =>
    next(specifier, {
      ...from,
      conditions: from.conditions?.filter((condition) => condition !== 'module') ?? [],
    }),
})
const load = createRequire(import.meta.url)
const { context, ROOT_CONTEXT, SpanStatusCode }: typeof import('@opentelemetry/api') =
  load('@opentelemetry/api')
const {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
}: typeof import('@opentelemetry/sdk-metrics') = load('@opentelemetry/sdk-metrics')
const {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
}: typeof import('@opentelemetry/sdk-trace-base') = load('@opentelemetry/sdk-trace-base')

/** What an application's SDK brings: spans find their parents over `await`. */
class AsyncContexts {
  readonly #storage = new AsyncLocalStorage<Context>()
  active(): Context {
    return this.#storage.getStore() ?? ROOT_CONTEXT
  }
  with<A extends unknown[], F extends (...args: A) => ReturnType<F>>(
    active: Context,
    run: F,
    thisArg?: ThisParameterType<F>,
    ...args: A
  ): ReturnType<F> {
    return this.#storage.run(active, () => run.call(thisArg as never, ...args))
  }
  bind<T>(_context: Context, target: T): T {
    return target
  }
  enable(): this {
    return this
  }
  disable(): this {
    return this
  }
}

beforeAll(() => void context.setGlobalContextManager(new AsyncContexts()))
afterAll(() => context.disable())

function tracing(cache: Cache) {
  const exporter = new InMemorySpanExporter()
  const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] })
  const tracer = provider.getTracer('test')
  const end = instrument(cache, { tracer })
  const named = (name: string): ReadableSpan[] =>
    exporter.getFinishedSpans().filter((span) => span.name === name)
  return { tracer, end, named, all: () => exporter.getFinishedSpans() }
}

describe('spans', () => {
  test('of a load are inside its call, and what the loader does is inside the load', async () => {
    const cache = createCache({ name: 'shop' })
    const { tracer, named } = tracing(cache)
    await cache.wrap('user:42', async () => {
      await Promise.resolve()
      tracer.startActiveSpan('query', (span) => span.end())
      return 1
    })
    const [call] = named('holdfast.wrap')
    const [load] = named('holdfast.load')
    const [query] = named('query')
    expect(load?.parentSpanContext?.spanId).toBe(call?.spanContext().spanId)
    expect(query?.parentSpanContext?.spanId).toBe(load?.spanContext().spanId)
    expect(call?.attributes).toEqual({
      'holdfast.cache': 'shop',
      'holdfast.keys': 1,
      'holdfast.outcome': 'miss',
      'holdfast.tier': 'origin',
      'holdfast.coalesced': false,
    })
    expect(load?.attributes).toEqual({
      'holdfast.cache': 'shop',
      'holdfast.reason': 'miss',
      'holdfast.keys': 1,
      'holdfast.outcome': 'ok',
    })
    await cache.close()
  })

  test('are not drawn around hits that memory answers at once', async () => {
    const cache = createCache()
    const { all } = tracing(cache)
    await cache.set('key', 1)
    for (let asked = 0; asked < 10; asked++) await cache.wrap('key', () => 2)
    expect(all()).toEqual([])
    await cache.close()
  })

  test('of callers that waited for another one’s load say so, and there is one load', async () => {
    const cache = createCache()
    const { named } = tracing(cache)
    const load = () => new Promise((resolve) => setImmediate(() => resolve(1)))
    await Promise.all([1, 2, 3].map(() => cache.wrap('key', load)))
    expect(named('holdfast.load')).toHaveLength(1)
    expect(named('holdfast.wrap').map((span) => span.attributes['holdfast.coalesced'])).toEqual([
      false,
      true,
      true,
    ])
    await cache.close()
  })

  test('of a load point at every call that waits for it, whether it came before the loader was called or later', async () => {
    const cache = createCache({ resilience: { loadConcurrency: 1 } })
    const { named } = tracing(cache)
    let release: (value: number) => void = () => {}
    const first = cache.wrap('first', () => new Promise<number>((resolve) => (release = resolve)))
    await new Promise((resolve) => setImmediate(resolve))
    let answer: (value: number) => void = () => {}
    const load = () => new Promise<number>((resolve) => (answer = resolve))
    // Its load waits for its turn.
    const waiting = [cache.wrap('key', load), cache.wrap('key', load)]
    release(1)
    await first
    waiting.push(cache.wrapMany(['key', 'other'], () => [2]).then(() => 0))
    await new Promise((resolve) => setImmediate(resolve))
    answer(2)
    await Promise.all(waiting)
    const loads = named('holdfast.load')
    const [own] = loads.filter(({ links }) => links.length > 0)
    const others = [...named('holdfast.wrap'), ...named('holdfast.wrap_many')].filter(
      (span) => span.attributes['holdfast.coalesced'] === true,
    )
    expect(others).toHaveLength(2)
    expect(own?.links.map(({ context: at }) => at.spanId).sort()).toEqual(
      others.map((span) => span.spanContext().spanId).sort(),
    )
    expect(loads.filter(({ links }) => links.length > 0)).toHaveLength(1)
    await cache.close()
  })

  test('of a stale answer say for how long it had been stale', async () => {
    const clock = fakeClock()
    const cache = createCache({ clock, defaults: { jitter: 0 } })
    const { named } = tracing(cache)
    await cache.set('key', 1, { ttl: '1s', staleWhileRevalidate: '1h' })
    await clock.advance('61s')
    await cache.wrap('key', () => 2, { staleWhileRevalidate: '1h' })
    expect(named('holdfast.wrap')[0]?.attributes['holdfast.stale.age_ms']).toBe(60_000)
    await cache.close()
  })

  test('of a failure name its kind and not its message, and callers get the original error', async () => {
    const cache = createCache()
    const { named } = tracing(cache)
    const error = new TypeError(canary)
    await expect(cache.wrap('key', () => Promise.reject(error))).rejects.toBe(error)
    for (const name of ['holdfast.wrap', 'holdfast.load']) {
      const [span] = named(name)
      expect(span?.attributes['error.type']).toBe('TypeError')
      expect(span?.status).toEqual({ code: SpanStatusCode.ERROR })
      expect(span?.events).toEqual([])
    }
    await cache.close()
  })

  test('of a load that times out end with it, however long its loader goes on', async () => {
    const clock = fakeClock()
    const cache = createCache({ clock })
    const { named } = tracing(cache)
    const loaded = cache.wrap('key', () => new Promise(() => {}), { loadTimeout: '1s' })
    const refused = expect(loaded).rejects.toThrow('loadTimeout')
    await clock.advance('2s')
    await refused
    expect(named('holdfast.load')[0]?.attributes['holdfast.outcome']).toBe('timeout')
    await cache.close()
  })

  test('of a refresh behind a caller are a trace of their own', async () => {
    const clock = fakeClock()
    const cache = createCache({ clock })
    const { named } = tracing(cache)
    const options = {
      ttl: '1s',
      staleWhileRevalidate: '1h',
      jitter: 0,
      earlyRefresh: false,
    } as const
    await cache.set('key', 1, options)
    await clock.advance('2s')
    await cache.wrap('key', () => 2, options)
    await clock.advance(1)
    const [load] = named('holdfast.load')
    expect(load?.parentSpanContext).toBeUndefined()
    expect(load?.attributes['holdfast.reason']).toBe('stale')
    expect(named('holdfast.wrap')[0]?.attributes['holdfast.outcome']).toBe('stale')
    await cache.close()
  })

  test('of many keys count how each was answered', async () => {
    const cache = createCache()
    const { named } = tracing(cache)
    await cache.set('a', 1)
    await cache.wrapMany(
      ['a', 'b', 'c'],
      () =>
        new Map([
          ['b', 2],
          ['c', 3],
        ]),
    )
    expect(named('holdfast.wrap_many')[0]?.attributes).toMatchObject({
      'holdfast.keys': 3,
      'holdfast.outcome.hit': 1,
      'holdfast.outcome.miss': 2,
    })
    expect(named('holdfast.load')[0]?.attributes['holdfast.keys']).toBe(2)
    await cache.close()
  })

  test('end when asked to, and a cache has one tracer at a time', async () => {
    const cache = createCache({ name: 'shop' })
    const { all, end, tracer } = tracing(cache)
    expect(() => instrument(cache, { tracer })).toThrow("cache 'shop' has a tracer already")
    end()
    await cache.wrap('key', () => 1)
    expect(all()).toEqual([])
    instrument(cache, { tracer })()
    await cache.close()
  })
})

describe('metrics', () => {
  async function collected(cache: Cache, act: () => Promise<void>) {
    const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
    const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 })
    const provider = new MeterProvider({ readers: [reader] })
    const sessions = { login: { stats: () => ({ rejected: 7 }) as SessionStats } }
    const end = instrument(cache, { meter: provider.getMeter('test'), sessions })
    await act()
    await reader.forceFlush()
    const found = exporter
      .getMetrics()
      .flatMap(({ scopeMetrics }) => scopeMetrics.flatMap((scope) => scope.metrics))
    end()
    await provider.shutdown()
    return new Map(found.map((metric) => [metric.descriptor.name, metric]))
  }

  test('have the names, units and numbers of the table', async () => {
    const clock = fakeClock()
    const store = memoryStore()
    const cache = createCache({ name: 'shop', clock, store })
    const found = await collected(cache, async () => {
      await cache.wrap('a', () => 1)
      await cache.wrap('a', () => 1)
      await cache.health()
    })
    const requests = found.get('holdfast.requests')
    expect(requests?.descriptor.unit).toBe('{request}')
    const byOutcome = requests?.dataPoints.map(({ attributes, value }) => [attributes, value])
    expect(byOutcome).toContainEqual([{ 'holdfast.cache': 'shop', 'holdfast.outcome': 'hit' }, 1])
    const load = found.get('holdfast.load.duration')?.dataPoints[0]
    expect(load?.attributes).toEqual({
      'holdfast.cache': 'shop',
      'holdfast.reason': 'miss',
      'holdfast.outcome': 'ok',
    })
    expect(load?.value).toMatchObject({ count: 1 })
    expect(found.has('holdfast.server.entries')).toBe(true)
    const known = new Set([
      ...Object.values(metrics).map(({ name }) => name),
      ...Object.values(histograms).map(({ name }) => name),
    ])
    const command = found.get('db.client.operation.duration')
    expect(command?.descriptor).toMatchObject({
      unit: 's',
      advice: { explicitBucketBoundaries: [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10] },
    })
    expect(command?.dataPoints.map(({ attributes }) => attributes)).toContainEqual({
      'holdfast.cache': 'shop',
      'db.system.name': 'memory',
      'db.operation.name': 'getMany',
    })
    expect(found.get('holdfast.entry.size')?.descriptor.unit).toBe('By')
    const events = found.get('holdfast.session.events')?.dataPoints
    expect(events?.map(({ attributes, value }) => [attributes, value])).toContainEqual([
      { 'holdfast.sessions': 'login', 'holdfast.event': 'rejected' },
      7,
    ])
    for (const name of found.keys()) expect(known).toContain(name)
    await cache.close()
    expect(clock.pendingTimers).toBe(0)
  })
})

test('instrument refuses what it cannot report to', () => {
  const cache = createCache()
  expect(() => instrument(cache, {})).toThrow('needs one of them')
  expect(() => instrument(cache, { metr: {} } as never)).toThrow("did you mean 'meter'")
  expect(() => instrument(cache, { meter: {} } as never)).toThrow(/^meter must be a meter of/)
  expect(() => instrument(cache, { tracer: 5 } as never)).toThrow(/^tracer must be a tracer of/)
  expect(() => instrument({} as never, {})).toThrow('a cache that createCache has made')
})

test('what is behind a cache may be swapped: spans, metrics and audit records go on', async () => {
  const clock = fakeClock()
  const first = createCache({ name: 'shop', clock })
  const second = createCache({ name: 'shop', clock })
  let current = first
  const swapped = {
    get [inside]() {
      return (current as unknown as { [inside]: unknown })[inside]
    },
  } as unknown as Cache
  const { named, end } = tracing(swapped)
  const records: AuditRecord[] = []
  const endAudit = audit({ caches: swapped }, (record) => records.push(record))
  await first.wrap('key', () => 1)
  current = second
  await first.close()
  await second.wrap('key', () => 1)
  await second.clear()
  expect(named('holdfast.wrap')).toHaveLength(2)
  expect(records).toMatchObject([{ event: 'admin_clear' }])
  end()
  endAudit()
  await second.wrap('other', () => 1)
  expect(named('holdfast.wrap')).toHaveLength(2)
  await second.close()
})
