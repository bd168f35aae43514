import { describe, expect, it } from 'vitest'
import { createCache } from '../src/cache.ts'
import { LoadTimeoutError, OverloadError } from '../src/errors.ts'
import { fakeClock } from '../src/testing/fake-clock.ts'
import { held, stateOf, turn } from './held.ts'

describe('loadConcurrency', () => {
  it('runs that many loads at once, in the order they came, and tells how many wait', async () => {
    const cache = createCache({ clock: fakeClock(), resilience: { loadConcurrency: 2 } })
    const { load, runs } = held<string>()
    const answers = ['a', 'b', 'c', 'd'].map((key) => cache.wrap(key, load))
    await turn()
    expect(runs).toHaveLength(2)
    expect(cache.stats().queued).toBe(2)
    runs[0]?.resolve('a')
    await turn()
    expect(runs).toHaveLength(3)
    expect(cache.stats().queued).toBe(1)
    runs[1]?.resolve('b')
    runs[2]?.resolve('c')
    await turn()
    runs[3]?.resolve('d')
    expect(await Promise.all(answers)).toEqual(['a', 'b', 'c', 'd'])
    expect(cache.stats().queued).toBe(0)
  })

  it('holds for a definition too, within that of the cache', async () => {
    const cache = createCache({ clock: fakeClock(), resilience: { loadConcurrency: 3 } })
    const { load, runs } = held<number>()
    const user = cache.define('user', { load: (_id: number) => load(), loadConcurrency: 1 })
    const others = held<string>()
    const answers = [user(1), user(2), cache.wrap('x', others.load), cache.wrap('y', others.load)]
    await turn()
    expect([runs.length, others.runs.length]).toEqual([1, 2])
    runs[0]?.resolve(1)
    await turn()
    expect(runs).toHaveLength(2)
    runs[1]?.resolve(2)
    for (const run of others.runs) run.resolve('other')
    expect(await Promise.all(answers)).toEqual([1, 2, 'other', 'other'])
  })
})

describe('a full queue', () => {
  const resilience = { loadConcurrency: 1, loadQueue: 1 }

  it('refuses the next load with OverloadError at once', async () => {
    const cache = createCache({ clock: fakeClock(), resilience })
    const { load, runs } = held<string>()
    const first = cache.wrap('a', load)
    const second = cache.wrap('b', load)
    await expect(cache.wrap('c', load)).rejects.toBeInstanceOf(OverloadError)
    await turn()
    await expect(cache.wrap('c', load)).rejects.toBeInstanceOf(OverloadError)
    expect(cache.stats().overloads).toBe(2)
    runs[0]?.resolve('a')
    await turn()
    runs[1]?.resolve('b')
    expect(await Promise.all([first, second])).toEqual(['a', 'b'])
  })

  it('serves a stale value instead, where one is kept', async () => {
    const clock = fakeClock()
    const cache = createCache({ clock, resilience })
    const errors: string[] = []
    cache.on('error', ({ kind }) => errors.push(kind))
    await cache.set('c', 'old', { ttl: 100, jitter: 0, staleIfError: '1h' })
    await clock.advance(100)
    const { load } = held<string>()
    void cache.wrap('a', load)
    void cache.wrap('b', load)
    expect(await cache.wrap('c', load)).toBe('old')
    expect(errors).toEqual(['fallback'])
  })

  it('has room again when a caller left it by its signal, or when its time in the queue ended it', async () => {
    const clock = fakeClock()
    const cache = createCache({ clock, resilience })
    const { load, runs } = held<string>()
    void cache.wrap('a', load)
    const leaving = new AbortController()
    const left = cache.wrap('b', load, { signal: leaving.signal })
    await turn()
    leaving.abort(new Error('left'))
    await expect(left).rejects.toThrow('left')
    const slow = cache.wrap('c', load, { loadTimeout: 50 })
    const timedOut = expect(slow).rejects.toBeInstanceOf(LoadTimeoutError)
    await clock.advance(50)
    await timedOut
    const fourth = cache.wrap('d', load)
    runs[0]?.resolve('a')
    await turn()
    expect(runs).toHaveLength(2)
    runs[1]?.resolve('d')
    expect(await fourth).toBe('d')
  })
})

describe('time in the queue', () => {
  it('counts towards loadTimeout', async () => {
    const clock = fakeClock()
    const cache = createCache({ clock, resilience: { loadConcurrency: 1 } })
    const { load, runs } = held<string>()
    const first = cache.wrap('a', load, { loadTimeout: '1m' })
    const second = cache.wrap('b', load, { loadTimeout: 100 })
    const timedOut = expect(second).rejects.toBeInstanceOf(LoadTimeoutError)
    await clock.advance(100)
    await timedOut
    runs[0]?.resolve('a')
    expect(await first).toBe('a')
    await turn()
    expect(runs).toHaveLength(1)
  })
})

describe('loads started from inside a load', () => {
  it('ride on its place, so that they cannot wait for it in turn', async () => {
    const cache = createCache({ clock: fakeClock(), resilience: { loadConcurrency: 1 } })
    const value = await cache.wrap('a', async () => {
      const parts = await Promise.all([
        cache.wrap('b', async () => `b${await cache.wrap('d', () => 'd')}`),
        cache.wrap('c', () => 'c'),
      ])
      return `a${parts.join('')}`
    })
    expect(value).toBe('abdc')
  })

  it('do so also where the queue has no room at all', async () => {
    const resilience = { loadConcurrency: 1, loadQueue: 0 }
    const cache = createCache({ clock: fakeClock(), resilience })
    expect(await cache.wrap('a', () => cache.wrap('b', () => 'b'))).toBe('b')
  })

  it('take no room in the queue once they run, however many there are one after the other', async () => {
    const resilience = { loadConcurrency: 1, loadQueue: 2 }
    const cache = createCache({ clock: fakeClock(), resilience })
    const sum = await cache.wrap('sum', async () => {
      let sum = 0
      for (let key = 0; key < 10; key++) sum += await cache.wrap(`${key}`, () => key)
      return sum
    })
    expect(sum).toBe(45)
    expect(cache.stats().queued).toBe(0)
  })

  it('lend it also to a load that another caller has started and that still queues behind them', async () => {
    const cache = createCache({ clock: fakeClock(), resilience: { loadConcurrency: 1 } })
    const outer = cache.wrap('outer', () => cache.wrap('shared', () => 'never'))
    const shared = cache.wrap('shared', () => 'shared')
    await turn()
    expect(await stateOf(outer)).toBe('resolved')
    expect(await Promise.all([outer, shared])).toEqual(['shared', 'shared'])
  })

  it('do so in a batch, and through a load that waits in another cache', async () => {
    const clock = fakeClock()
    const narrow = createCache({ clock, resilience: { loadConcurrency: 1 } })
    const wide = createCache({ clock })
    const gate = held<void>()
    // The middle one is started first, by nobody that holds a place.
    const middle = wide.wrap('middle', async () => {
      await gate.load()
      return narrow.wrap('shared', () => 'never')
    })
    const outer = narrow.wrap('outer', async () => {
      const both = await narrow.wrapMany<string>(['batched'], async () => new Map())
      return [...both.values(), await wide.wrap('middle', () => 'never')]
    })
    const batched = narrow.wrapMany(['batched'], async () => ['batched'])
    const shared = narrow.wrap('shared', () => 'shared')
    await turn()
    gate.runs[0]?.resolve()
    await turn()
    expect(await stateOf(outer)).toBe('resolved')
    expect(await outer).toEqual(['batched', 'shared'])
    expect(await middle).toBe('shared')
    expect(await shared).toBe('shared')
    expect((await batched).get('batched')).toBe('batched')
  })

  it('find the place also where the load between them was waiting before the outer one came', async () => {
    const clock = fakeClock()
    const narrow = createCache({ clock, resilience: { loadConcurrency: 1 } })
    const wide = createCache({ clock })
    const gate = held<void>()
    const outer = narrow.wrap('outer', async () => {
      await gate.load()
      return wide.wrap('middle', () => 'never')
    })
    const shared = narrow.wrap('shared', () => 'shared')
    const middle = wide.wrap('middle', () => narrow.wrap('shared', () => 'never'))
    await turn()
    gate.runs[0]?.resolve()
    await turn()
    expect(await stateOf(outer)).toBe('resolved')
    expect(await Promise.all([outer, shared, middle])).toEqual(['shared', 'shared', 'shared'])
  })
})
