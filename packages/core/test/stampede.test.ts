import { describe, expect, it } from 'vitest'
import { createCache } from '../src/cache.ts'
import { LoadTimeoutError } from '../src/errors.ts'
import { fakeClock } from '../src/testing/fake-clock.ts'
import { held, stateOf, turn } from './held.ts'

const plain = { jitter: 0, earlyRefresh: false } as const

describe('a key that many ask for at once', () => {
  it('has its failing loader run once for 100 concurrent callers, who all get the same error object', async () => {
    const clock = fakeClock()
    const cache = createCache({ clock })
    const broken = new Error('broken')
    let runs = 0
    const load = () => {
      runs++
      return new Promise<string>((_resolve, reject) => clock.setTimeout(() => reject(broken), 20))
    }
    const callers = Array.from({ length: 100 }, () => cache.wrap('k', load))
    const outcomes = Promise.allSettled(callers)
    await clock.advance(20)
    for (const outcome of await outcomes)
      expect(outcome).toEqual({ status: 'rejected', reason: broken })
    for (const outcome of await outcomes)
      expect(outcome.status === 'rejected' && outcome.reason === broken).toBe(true)
    expect(runs).toBe(1)
    // Nothing is kept of it: the next caller finds out for itself.
    expect(await cache.wrap('k', () => 'value')).toBe('value')
    await cache.close()
  })

  it('is loaded once for 10,000 concurrent callers of a cold key', async () => {
    const cache = createCache({ clock: fakeClock() })
    const { load, runs } = held<{ n: number }>()
    const callers = Array.from({ length: 10_000 }, () => cache.wrap('k', load))
    await turn()
    expect(runs).toHaveLength(1)
    runs[0]?.resolve({ n: 1 })
    const values = await Promise.all(callers)
    expect(values.every((value) => value === values[0])).toBe(true)
    expect(cache.stats()).toMatchObject({ loads: 1, misses: 10_000, coalesced: 9_999, loading: 0 })
  })

  it('is refreshed once behind 1,000 callers of a stale key, of whom nobody waits', async () => {
    const clock = fakeClock()
    const cache = createCache({
      clock,
      defaults: { ...plain, ttl: 100, staleWhileRevalidate: 100 },
    })
    await cache.set('k', 'old')
    await clock.advance(100)
    const { load, runs } = held<string>()
    const callers = Array.from({ length: 1_000 }, () => cache.wrap('k', load))
    // Answered while the loader is still open.
    expect(new Set(await Promise.all(callers))).toEqual(new Set(['old']))
    expect(runs).toHaveLength(1)
    runs[0]?.resolve('new')
    await turn()
    expect(cache.peek('k')).toBe('new')
    expect(cache.stats()).toMatchObject({ stale: 1_000, refreshes: 1, loads: 1 })
  })

  it('gives those who come between the answer and the next turn the value, not a reason to load again', async () => {
    const cache = createCache({ clock: fakeClock() })
    const { load, runs } = held<string>()
    const first = cache.wrap('k', load)
    runs[0]?.resolve('value')
    for (let tick = 0; tick < 10; tick++) {
      await null
      expect(await cache.wrap('k', load)).toBe('value')
    }
    expect(await first).toBe('value')
    expect(runs).toHaveLength(1)
  })
})

describe('a refresh behind its caller that fails', () => {
  it('never surfaces as an unhandled rejection, is told as an event, and is tried again after retryAfterError', async () => {
    const clock = fakeClock()
    const cache = createCache({
      clock,
      defaults: { ...plain, ttl: 100, staleWhileRevalidate: '1h', retryAfterError: 500 },
    })
    const unhandled: unknown[] = []
    const note = (reason: unknown) => unhandled.push(reason)
    process.on('unhandledRejection', note)
    try {
      const errors: unknown[] = []
      cache.on('error', (event) => errors.push(event))
      await cache.set('k', 'old')
      await clock.advance(100)
      const broken = new Error('broken')
      let runs = 0
      const load = () => {
        runs++
        return Promise.reject<string>(broken)
      }
      expect(await cache.wrap('k', load)).toBe('old')
      await turn()
      await turn()
      expect(unhandled).toEqual([])
      expect(errors).toEqual([{ cache: 'default', kind: 'refresh', key: 'k', error: broken }])
      await clock.advance(499)
      expect(await cache.wrap('k', load)).toBe('old')
      expect(runs).toBe(1)
      await clock.advance(1)
      expect(await cache.wrap('k', load)).toBe('old')
      expect(runs).toBe(2)
    } finally {
      process.off('unhandledRejection', note)
    }
  })
})

describe('wrapMany of 1,000 keys of which 300 are being loaded by others', () => {
  const keys = Array.from({ length: 1_000 }, (_, index) => `k${index}`)

  it('joins those, calls its loader once for the rest, and keeps the order', async () => {
    const cache = createCache({ clock: fakeClock() })
    const others = held<string>()
    const foreign = keys.filter((_, index) => index % 10 < 3)
    const single = foreign.map((key) => cache.wrap(key, others.load))
    const calls: string[][] = []
    const batch = held<void>()
    const many = cache.wrapMany(keys, async (missing) => {
      calls.push(missing)
      await batch.load()
      return new Map(missing.map((key) => [key, `many ${key}`]))
    })
    await turn()
    expect(calls).toHaveLength(1)
    expect(calls[0]).toEqual(keys.filter((_, index) => index % 10 >= 3))
    expect(others.runs).toHaveLength(300)
    batch.runs[0]?.resolve()
    await turn()
    expect(await stateOf(many)).toBe('pending')
    for (const [index, run] of others.runs.entries()) run.resolve(`single ${foreign[index]}`)
    const values = await many
    expect([...values.keys()]).toEqual(keys)
    expect(values.get('k0')).toBe('single k0')
    expect(values.get('k3')).toBe('many k3')
    expect(await Promise.all(single)).toHaveLength(300)
    expect(cache.stats()).toMatchObject({ loads: 301, coalesced: 300, loading: 0 })
  })

  it('has an outcome of its own for each key', async () => {
    const clock = fakeClock()
    const cache = createCache({
      clock,
      defaults: { ...plain, ttl: 100, staleWhileRevalidate: '1h' },
    })
    await cache.set('stale', 's')
    await clock.advance(100)
    await cache.set('fresh', 'f')
    const outcomes: unknown[] = []
    for (const status of ['hit', 'stale', 'miss', 'refreshed'] as const)
      cache.on(status, ({ key, tier, coalesced, operation }) =>
        outcomes.push([operation, key, status, tier, coalesced]),
      )
    const { load, runs } = held<string>()
    const other = cache.wrap('joined', load)
    const many = cache.wrapMany(['joined', 'fresh', 'stale', 'cold', 'absent'], async (missing) => {
      return new Map(missing.filter((key) => key !== 'absent').map((key) => [key, 'new']))
    })
    runs[0]?.resolve('j')
    expect([...(await many)]).toEqual([
      ['joined', 'j'],
      ['fresh', 'f'],
      ['stale', 's'],
      ['cold', 'new'],
    ])
    await other
    await turn()
    expect(outcomes).toContainEqual(['wrap', 'joined', 'miss', 'origin', false])
    expect(outcomes).toContainEqual(['wrapMany', 'joined', 'miss', 'origin', true])
    expect(outcomes).toContainEqual(['wrapMany', 'fresh', 'hit', 'near', false])
    expect(outcomes).toContainEqual(['wrapMany', 'stale', 'stale', 'near', false])
    expect(outcomes).toContainEqual(['wrapMany', 'cold', 'miss', 'origin', false])
    expect(outcomes).toContainEqual(['wrapMany', 'absent', 'miss', 'origin', false])
    expect(outcomes).toHaveLength(6)
    expect(cache.peek('absent')).toBeUndefined()
  })

  it('is itself joined by callers of a single key, and by other batches, key by key', async () => {
    const cache = createCache({ clock: fakeClock() })
    const batch = held<Map<string, number>>()
    const first = cache.wrapMany(['a', 'b'], batch.load)
    const second = cache.wrapMany(['b', 'c'], async (missing) => {
      expect(missing).toEqual(['c'])
      return [3]
    })
    const single = cache.wrap('a', () => -1)
    batch.runs[0]?.resolve(
      new Map([
        ['a', 1],
        ['b', 2],
      ]),
    )
    expect([...(await first)]).toEqual([
      ['a', 1],
      ['b', 2],
    ])
    expect([...(await second)]).toEqual([
      ['b', 2],
      ['c', 3],
    ])
    expect(await single).toBe(1)
  })

  it('rejects with the loader’s own error object, and keys that were kept stay', async () => {
    const cache = createCache({ clock: fakeClock() })
    await cache.set('kept', 1)
    const broken = new Error('broken')
    const many = cache.wrapMany(['kept', 'a', 'b'], () => Promise.reject(broken))
    await expect(many).rejects.toBe(broken)
    expect(cache.peek('kept')).toBe(1)
    expect(cache.stats().loading).toBe(0)
  })

  it.each([
    [
      'an object',
      { a: 1 },
      /must return a Map by key, or an array.*it returned a value of type object/,
    ],
    [
      'an array that is too short',
      [1],
      /as long as the missing keys \(2\); it returned an array of 1/,
    ],
    ['nothing', undefined, /it returned a value of type undefined/],
  ])('refuses a loader that returns %s', async (_what, returned, message) => {
    const cache = createCache({ clock: fakeClock() })
    const many = cache.wrapMany(['a', 'b'], () => returned as unknown as number[])
    await expect(many).rejects.toThrow(message)
    expect(cache.stats().loading).toBe(0)
  })
})

describe('a hung loader', () => {
  it('gives its waiters LoadTimeoutError at loadTimeout, frees the key at once, and its late result is dropped', async () => {
    const clock = fakeClock()
    const cache = createCache({ clock, defaults: { loadTimeout: 100 } })
    const { load, runs } = held<string>()
    const signals: AbortSignal[] = []
    const waiters = [0, 1, 2].map(() =>
      cache.wrap('k', ({ signal }) => {
        signals.push(signal)
        return load()
      }),
    )
    const outcomes = Promise.allSettled(waiters)
    await clock.advance(99)
    expect(await stateOf(waiters[0] as Promise<string>)).toBe('pending')
    await clock.advance(1)
    const reasons = (await outcomes).map(
      (outcome) => outcome.status === 'rejected' && outcome.reason,
    )
    expect(reasons[0]).toBeInstanceOf(LoadTimeoutError)
    expect(reasons[0].message).toMatch(/loadTimeout of 100 ms.*raise loadTimeout/)
    expect(new Set(reasons).size).toBe(1)
    expect(signals[0]?.aborted).toBe(true)
    expect(signals[0]?.reason).toBe(reasons[0])
    const next = cache.wrap('k', load)
    runs[0]?.resolve('late')
    await turn()
    expect(await stateOf(next)).toBe('pending')
    expect(cache.peek('k')).toBeUndefined()
    runs[1]?.resolve('value')
    expect(await next).toBe('value')
    expect(cache.stats()).toMatchObject({ loadTimeouts: 1, loads: 2 })
  })

  it('is followed by a load of its own even if its rejection comes late', async () => {
    const clock = fakeClock()
    const cache = createCache({ clock, defaults: { loadTimeout: 100 } })
    const { load, runs } = held<string>()
    const hung = expect(cache.wrap('k', load)).rejects.toBeInstanceOf(LoadTimeoutError)
    await clock.advance(100)
    await hung
    const next = cache.wrap('k', load)
    runs[0]?.reject(new Error('late'))
    runs[1]?.resolve('value')
    expect(await next).toBe('value')
    expect(cache.stats().loadErrors).toBe(0)
  })

  it('waits without end where loadTimeout is Infinity, without a timer', async () => {
    const clock = fakeClock()
    const cache = createCache({ clock, defaults: { loadTimeout: Number.POSITIVE_INFINITY } })
    const { load, runs } = held<string>()
    const waiter = cache.wrap('k', load)
    await clock.advance('7d')
    expect(clock.pendingTimers).toBe(0)
    runs[0]?.resolve('value')
    expect(await waiter).toBe('value')
  })
})
