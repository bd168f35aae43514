import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { type Cache, createCache } from '../src/cache.ts'
import { type EventName, eventNames } from '../src/observe/events.ts'
import { type Ties, ties } from '../src/observe/ties.ts'
import { fakeClock } from '../src/testing/fake-clock.ts'
import { held, turn } from './held.ts'

function setup(options: Parameters<typeof createCache>[0] = {}) {
  const clock = fakeClock()
  const cache = createCache({
    clock,
    name: 'users',
    defaults: { ttl: 100, jitter: 0, earlyRefresh: false },
    ...options,
  })
  return { clock, cache }
}

function record(cache: Cache): [EventName, unknown][] {
  const heard: [EventName, unknown][] = []
  for (const name of eventNames) cache.on(name, (event) => heard.push([name, event]))
  return heard
}

afterEach(() => {
  vi.restoreAllMocks()
})

describe('events', () => {
  it('tell one outcome per call, whole: miss, hit, stale, refreshed', async () => {
    const { clock, cache } = setup()
    const heard = record(cache)
    const { load, runs } = held<string>()
    const options = { staleWhileRevalidate: '1h' } as const
    const miss = cache.wrap('k', load, options)
    const joined = cache.wrap('k', load, options)
    await clock.advance(20)
    runs[0]?.resolve('v')
    await Promise.all([miss, joined])
    await cache.wrap('k', load)
    await cache.get('k')
    await cache.get('absent')
    await cache.wrap('k', () => 'w', { ...options, refresh: true })
    await clock.advance(130)
    await cache.wrap('k', () => 'x')
    await turn()
    const outcomeOf = (
      operation: string,
      status: string,
      tier?: string,
      coalesced = false,
      durationMs = 0,
      key = 'k',
    ) => ({ cache: 'users', operation, key, status, tier, coalesced, durationMs })
    const outcome = (...of: Parameters<typeof outcomeOf>) => [of[1], outcomeOf(...of)]
    const loaded = (reason: string, durationMs = 0) => [
      'load',
      { cache: 'users', keys: ['k'], reason, outcome: 'ok', durationMs },
    ]
    expect(heard).toEqual([
      loaded('miss', 20),
      outcome('wrap', 'miss', 'origin', false, 20),
      outcome('wrap', 'miss', 'origin', true, 20),
      outcome('wrap', 'hit', 'near'),
      outcome('get', 'hit', 'near'),
      outcome('get', 'miss', undefined, false, 0, 'absent'),
      loaded('refresh'),
      outcome('wrap', 'refreshed', 'origin'),
      loaded('stale'),
      ['stale', { ...outcomeOf('wrap', 'stale', 'near'), staleMs: 30 }],
    ])
  })

  it('tell of each load how it ended, and with which error', async () => {
    const { clock, cache } = setup()
    const loads: unknown[] = []
    cache.on('load', ({ keys, outcome, reason, error }) =>
      loads.push([keys, reason, outcome, error instanceof Error ? error.name : error]),
    )
    const { load, runs } = held<string>()
    await cache.wrapMany(['a', 'b'], () => [1, 2])
    await cache.wrap('e', () => Promise.reject(new TypeError('x'))).catch(() => {})
    const hung = cache.wrap('t', load, { loadTimeout: 10, softTimeout: 5 }).catch(() => {})
    await clock.advance(10)
    await hung
    const leaving = new AbortController()
    const left = cache.wrap('l', load, { signal: leaving.signal }).catch(() => {})
    leaving.abort()
    await left
    const fenced = cache.wrap('f', load)
    await cache.delete('f')
    runs[2]?.resolve('v')
    await fenced
    await cache.wrapMany(['m'], () => 7 as never).catch(() => {})
    expect(loads).toEqual([
      [['a', 'b'], 'miss', 'ok', undefined],
      [['e'], 'miss', 'error', 'TypeError'],
      [['t'], 'miss', 'timeout', 'LoadTimeoutError'],
      [['l'], 'miss', 'aborted', undefined],
      [['f'], 'miss', 'fenced', undefined],
      [['m'], 'miss', 'error', 'InvalidOptionError'],
    ])
  })

  it('tell of every invalidation by its keys and tags', async () => {
    const { cache } = setup()
    const told: unknown[] = []
    cache.on('invalidate', ({ operation, keys, tags }) => told.push([operation, keys, tags]))
    await cache.set('a', 1)
    await cache.setMany(
      new Map([
        ['b', 2],
        ['c', 3],
      ]),
    )
    await cache.delete('a')
    await cache.delete(['b', 'c'])
    await cache.expire(['a'])
    await cache.invalidateTags(['t', 'u', 't'])
    await cache.clear()
    expect(told).toEqual([
      ['set', ['a'], []],
      ['set', ['b', 'c'], []],
      ['delete', ['a'], []],
      ['delete', ['b', 'c'], []],
      ['expire', ['a'], []],
      ['invalidateTags', [], ['t', 'u']],
      ['clear', [], []],
    ])
    expect(cache.stats().invalidations).toBe(7)
  })

  it('tell why a value was not kept', async () => {
    const { cache } = setup({ memory: { maxBytes: 1_000 } })
    const told: unknown[] = []
    cache.on('not-kept', ({ key, reason }) => told.push([key, reason]))
    cache.on('error', () => {})
    await cache.wrap('u', () => undefined)
    await cache.wrap('z', () => 1, { ttl: 0 })
    await cache.wrap('s', ({ skip }) => skip(1))
    const { load, runs } = held<number>()
    const fenced = cache.wrap('f', load)
    await cache.clear()
    runs[0]?.resolve(1)
    await fenced
    await cache.wrap<unknown>('c', () => () => {})
    await cache.wrap('l', () => 'x'.repeat(2_000))
    await cache.set('set', undefined)
    cache.enabled = false
    await cache.wrap('o', () => 1)
    expect(told).toEqual([
      ['u', 'undefined'],
      ['z', 'ttl'],
      ['s', 'skip'],
      ['f', 'fenced'],
      ['c', 'codec'],
      ['l', 'too-large'],
      ['set', 'undefined'],
      ['o', 'off'],
    ])
  })

  it('are heard until the returned function is called, by each registration on its own', async () => {
    const { cache } = setup()
    let heard = 0
    const listener = () => {
      heard++
    }
    const [first, second] = [cache.on('hit', listener), cache.on('hit', listener)]
    await cache.set('k', 1)
    await cache.wrap('k', () => 2)
    expect(heard).toBe(2)
    first()
    first()
    await cache.wrap('k', () => 2)
    expect(heard).toBe(3)
    second()
    await cache.wrap('k', () => 2)
    expect(heard).toBe(3)
  })

  it('may be listened to by functions that throw or reject: it changes nothing for the caller, and is told once', async () => {
    const { cache } = setup()
    const errors: unknown[] = []
    cache.on('miss', () => {
      throw new Error('sync')
    })
    cache.on('miss', (() => Promise.reject(new Error('async'))) as () => void)
    cache.on('error', ({ kind, error }) => {
      errors.push([kind, (error as Error).message])
    })
    expect(await cache.wrap('k', () => 'v')).toBe('v')
    await turn()
    expect(errors).toEqual([
      ['listener', 'sync'],
      ['listener', 'async'],
    ])
  })

  it('reach node:diagnostics_channel, one channel for each, also without a listener on the cache', async () => {
    const { clock, cache } = setup()
    const heard: string[] = []
    const listeners = eventNames.map((name) => {
      const listener = (event: unknown, channel: string | symbol) => {
        if ((event as { cache: string }).cache === 'users') heard.push(String(channel))
      }
      subscribe(`holdfast:${name}`, listener)
      return () => unsubscribe(`holdfast:${name}`, listener)
    })
    await cache.wrap('k', () => 'v', { staleIfError: '1h' })
    await cache.wrap('k', () => 'v')
    await clock.advance(100)
    await cache.wrap('k', () => Promise.reject(new Error('x')))
    await cache.delete('k')
    for (const stop of listeners) stop()
    await cache.wrap('k', () => 'v')
    expect(heard).toEqual([
      'holdfast:load',
      'holdfast:miss',
      'holdfast:hit',
      'holdfast:load',
      'holdfast:error',
      'holdfast:stale',
      'holdfast:invalidate',
    ])
  })

  it('of a near tier that is full: evict, with the key as its caller wrote it', async () => {
    const { cache } = setup({ memory: { maxEntries: 1 } })
    const evicted: unknown[] = []
    cache.on('evict', (event) => evicted.push(event))
    await cache.set('\0odd', 1)
    await cache.set('b', 1)
    await cache.delete('b')
    expect(evicted).toEqual([{ cache: 'users', key: '\0odd', bytes: expect.any(Number) }])
  })
})

describe('a failure that nobody listens for', () => {
  async function failBehind(cache: Cache, key: string) {
    await cache.wrap(key, () => Promise.reject(new Error('the database is down')))
    await turn()
  }

  it('becomes a process warning, the first of each kind a minute', async () => {
    const warnings = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    const options = { staleWhileRevalidate: '1h', retryAfterError: 0 } as const
    const { clock, cache } = setup({ defaults: { ttl: 100, jitter: 0, ...options } })
    await cache.set('k', 'old')
    await clock.advance(100)
    await failBehind(cache, 'k')
    await failBehind(cache, 'k')
    expect(warnings).toHaveBeenCalledTimes(1)
    const [message, details] = warnings.mock.calls[0] as unknown as [
      string,
      { type: string; code: string; detail: string },
    ]
    expect(message).toBe(
      "cache 'users': a refresh behind a caller failed: Error: the database is down",
    )
    expect(details).toMatchObject({ type: 'HoldfastWarning', code: 'HOLDFAST_REFRESH' })
    expect(details.detail).toMatch(/cache\.on\('error'/)
    await cache.wrap<unknown>('c', () => () => {})
    expect(warnings).toHaveBeenCalledTimes(2)
    await clock.advance(59_999 - 100)
    await cache.set('k', 'old')
    await clock.advance(100)
    await failBehind(cache, 'k')
    expect(warnings).toHaveBeenCalledTimes(2)
    await clock.advance(1)
    await failBehind(cache, 'k')
    expect(warnings).toHaveBeenCalledTimes(3)
  })

  it('stays out of the warnings while somebody listens, and returns to them after', async () => {
    const warnings = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    const { clock, cache } = setup({
      defaults: { ttl: 100, jitter: 0, staleIfError: '1h', retryAfterError: 0 },
    })
    const stop = cache.on('error', () => {})
    await cache.set('k', 'old')
    await clock.advance(100)
    await failBehind(cache, 'k')
    expect(warnings).not.toHaveBeenCalled()
    stop()
    await failBehind(cache, 'k')
    expect(warnings).toHaveBeenCalledTimes(1)
  })

  it('of a listener for errors does not call that listener again, but warns', async () => {
    const warnings = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    const { cache } = setup()
    let calls = 0
    cache.on('error', () => {
      calls++
      throw new Error('the log is full')
    })
    await cache.wrap<unknown>('c', () => () => {})
    expect(calls).toBe(1)
    expect(warnings.mock.calls[0]?.[0]).toMatch(/a listener threw: Error: the log is full/)
  })
})

describe('explain', () => {
  it('tells of a fresh value everything there is', async () => {
    const { clock, cache } = setup()
    const { load, runs } = held<string>()
    const loading = cache.wrap('k', load, { tags: ['t'], staleIfError: 50 })
    expect(await cache.explain('k')).toMatchObject({
      status: 'loading',
      loading: true,
      tier: undefined,
      tags: [],
    })
    await clock.advance(20)
    runs[0]?.resolve('v')
    await loading
    const now = clock.now()
    await clock.advance(1)
    expect(await cache.explain('k')).toEqual({
      key: 'k',
      status: 'fresh',
      tier: 'near',
      storedAt: now,
      staleAt: now + 100,
      expiresAt: now + 150,
      loadMs: 20,
      tags: ['t'],
      bytes: expect.any(Number),
      staleBecause: undefined,
      goneBecause: undefined,
      notKeptBecause: undefined,
      retryAt: undefined,
      maxAgeMs: Number.POSITIVE_INFINITY,
      loading: false,
      off: false,
      shard: undefined,
    })
  })

  it('tells of an absent one why it went', async () => {
    const { clock, cache } = setup()
    const because = async () => {
      const { status, goneBecause } = await cache.explain('k')
      expect(status).toBe('absent')
      return goneBecause
    }
    expect(await because()).toBeUndefined()
    await cache.set('k', 1)
    await cache.delete('k')
    expect(await because()).toBe('delete')
    await cache.set('k', 1)
    await cache.expire('k')
    expect(await because()).toBe('expire')
    await cache.set('k', 1)
    await clock.advance(100)
    expect(await because()).toBe('ttl')
    await cache.get('k')
    expect(await because()).toBe('ttl')
    await cache.set('k', 1, { tags: ['a', 'b'] })
    await cache.invalidateTags(['b'])
    expect(await because()).toBe('tag b')
    const inner = cache.namespace('n')
    await inner.set('k', 1)
    await inner.clear()
    expect((await inner.explain('k')).goneBecause).toBe('clear')
  })

  it('tells of a stale one, of a kept error, and of the time of the next try', async () => {
    const { clock, cache } = setup()
    cache.on('error', () => {})
    await cache.set('k', 1, { staleIfError: '1h' })
    await clock.advance(100)
    expect(await cache.explain('k')).toMatchObject({ status: 'stale', staleBecause: 'ttl' })
    await cache.wrap('k', () => Promise.reject(new Error('x')))
    expect((await cache.explain('k')).retryAt).toBe(clock.now() + 1_000)
    await cache.wrap('e', () => Promise.reject(new Error('x')), { errorTtl: 10 }).catch(() => {})
    expect(await cache.explain('e')).toMatchObject({
      status: 'error',
      tier: 'near',
      expiresAt: clock.now() + 10,
    })
  })

  it('changes nothing: no counter, no order of eviction, no event', async () => {
    const { cache } = setup({ memory: { maxEntries: 2 } })
    await cache.setMany([
      ['a', 1],
      ['b', 2],
    ])
    const heard = record(cache)
    const before = cache.stats()
    await cache.explain('a')
    await cache.explain('absent')
    cache.peek('a')
    expect(cache.stats()).toEqual(before)
    expect(heard).toEqual([])
    await cache.set('c', 3)
    expect(cache.peek('a')).toBeUndefined()
  })
})

describe('stats', () => {
  it('count keys asked for, loads, and what is held', async () => {
    const { cache } = setup()
    const { load, runs } = held<string>()
    const both = Promise.all([cache.wrap('a', load), cache.wrap('a', load)])
    expect(cache.stats()).toMatchObject({ loading: 1, misses: 2, coalesced: 1 })
    runs[0]?.resolve('v')
    await both
    await cache.wrap('a', load)
    await cache.get('a')
    await cache.get('x')
    await cache.getMany(['a', 'x'])
    await cache.wrapMany(['a', 'b'], () => ['w'])
    await cache.wrap('e', () => Promise.reject(new Error('x'))).catch(() => {})
    const stats = cache.stats()
    expect(stats).toMatchObject({
      hits: 4,
      misses: 6,
      stale: 0,
      loads: 3,
      loadErrors: 1,
      loadTimeouts: 0,
      refreshes: 0,
      entries: 2,
      loading: 0,
      queued: 0,
    })
    expect(stats.bytes).toBeGreaterThan(0)
    await cache.delete(['a', 'b'])
    expect(cache.stats()).toMatchObject({ entries: 0, bytes: 0 })
  })

  it('are the same whether somebody listens or not', async () => {
    const run = async (listening: boolean) => {
      const { clock, cache } = setup()
      if (listening) record(cache)
      else cache.on('error', () => {})
      const options = { staleWhileRevalidate: 50, staleIfError: '1h' } as const
      for (let step = 0; step < 12; step++) {
        await cache
          .wrap('k', () => (step % 3 === 0 ? Promise.reject(new Error('x')) : step), options)
          .catch(() => {})
        await cache.wrapMany(['k', 'l'], (missing) => missing.map(() => step))
        await cache.get('l')
        await clock.advance(30)
      }
      return cache.stats()
    }
    expect(await run(true)).toEqual(await run(false))
  })
})

describe('a package on top of a cache', () => {
  it('tells the listeners of the cache what it refused and what failed behind a caller', () => {
    const cache = createCache({ name: 'c' })
    const heard: unknown[] = []
    cache.on('refused', (event) => heard.push(event))
    cache.on('error', (event) => heard.push(event))
    const { tell } = (cache.namespace('inside') as unknown as { [ties]: Ties })[ties]
    const error = new Error('origin down')
    tell({ event: 'refused', key: 'k', reason: 'address' })
    tell({ event: 'fallback', key: 'k', error })
    expect(heard).toEqual([
      { cache: 'c', key: 'k', reason: 'address' },
      { cache: 'c', kind: 'fallback', key: 'k', error },
    ])
    expect(cache.stats().refused).toBe(1)
  })
})

it('a package on top of a cache goes by the time of the cache', () => {
  const clock = fakeClock()
  const inside = createCache({ clock }).namespace('inside') as unknown as { [ties]: Ties }
  expect(inside[ties].clock).toBe(clock)
})
