import { describe, expect, it } from 'vitest'
import { createCache } from '../src/cache.ts'
import type { EntryOptions } from '../src/options/options.ts'
import { fakeClock } from '../src/testing/fake-clock.ts'
import { held, stateOf, turn } from './held.ts'

const plain = { jitter: 0, earlyRefresh: false } as const

function cacheWith(defaults: EntryOptions = {}) {
  const clock = fakeClock()
  return { clock, cache: createCache({ clock, defaults: { ...plain, ...defaults } }) }
}

describe('a value', () => {
  it('is fresh until ttl and gone from then on', async () => {
    const { clock, cache } = cacheWith({ ttl: 100 })
    await cache.set('k', 'old')
    await clock.advance(99)
    expect(await cache.get('k')).toBe('old')
    expect(await cache.wrap('k', () => 'new')).toBe('old')
    await clock.advance(1)
    expect(await cache.get('k')).toBeUndefined()
    expect(cache.peek('k')).toBeUndefined()
    expect(await cache.wrap('k', () => 'new')).toBe('new')
  })

  it('is kept five minutes where nobody says otherwise', async () => {
    const { clock, cache } = cacheWith()
    await cache.set('k', 'old')
    await clock.advance('299999ms')
    expect(cache.peek('k')).toBe('old')
    await clock.advance(1)
    expect(cache.peek('k')).toBeUndefined()
  })

  it('never expires where ttl is Infinity', async () => {
    const { clock, cache } = cacheWith({
      ttl: Number.POSITIVE_INFINITY,
      jitter: 0.5,
      earlyRefresh: 1,
    })
    await cache.wrap('k', () => 'old')
    await clock.advance('3650d')
    expect(await cache.wrap('k', () => 'new')).toBe('old')
    expect((await cache.explain('k')).staleAt).toBe(Number.POSITIVE_INFINITY)
  })

  it('is not kept where ttl is 0, and set with ttl 0 deletes', async () => {
    const { cache } = cacheWith()
    expect(await cache.wrap('k', () => 1, { ttl: 0 })).toBe(1)
    expect(cache.peek('k')).toBeUndefined()
    await cache.set('k', 2)
    await cache.set('k', 3, { ttl: 0 })
    expect(cache.peek('k')).toBeUndefined()
    await cache.set('k', 4)
    expect(await cache.wrap('k', () => 5, { ttl: 0, refresh: true })).toBe(5)
    expect(cache.peek('k')).toBeUndefined()
    // However short it is kept, it is loaded once for all who ask together.
    const { load, runs } = held<number>()
    const both = Promise.all([cache.wrap('z', load, { ttl: 0 }), cache.wrap('z', load, { ttl: 0 })])
    runs[0]?.resolve(6)
    expect(await both).toEqual([6, 6])
    expect(runs).toHaveLength(1)
  })

  it('leaves the near tier at memory.maxAge, however long it lives', async () => {
    const clock = fakeClock()
    const cache = createCache({
      clock,
      memory: { maxAge: 50 },
      defaults: { ...plain, staleIfError: '1h' },
    })
    await cache.set('k', 'old')
    await clock.advance(49)
    expect(cache.peek('k')).toBe('old')
    await clock.advance(1)
    expect(cache.peek('k')).toBeUndefined()
    expect((await cache.explain('k')).goneBecause).toBe('age')
  })

  it('is deleted by a refresh that brings undefined; undefined itself is never kept', async () => {
    const { cache } = cacheWith()
    await cache.set('k', 'old')
    expect(await cache.wrap<unknown>('k', () => undefined, { refresh: true })).toBeUndefined()
    expect(cache.peek('k')).toBeUndefined()
    await cache.set('k', 'old')
    await cache.set('k', undefined)
    expect(cache.peek('k')).toBeUndefined()
  })
})

describe('null', () => {
  it('is a value: it is kept, for nullTtl where that is said, and otherwise for ttl', async () => {
    const { clock, cache } = cacheWith({ ttl: 100 })
    let runs = 0
    const load = () => {
      runs++
      return null
    }
    expect(await cache.wrap('k', load)).toBeNull()
    expect(await cache.wrap('k', load)).toBeNull()
    expect(await cache.get('k')).toBeNull()
    expect([...(await cache.getMany(['k']))]).toEqual([['k', null]])
    expect(runs).toBe(1)
    await cache.wrap('short', load, { nullTtl: 10 })
    await cache.set('set', null, { nullTtl: 10 })
    await clock.advance(9)
    expect(cache.peek('short')).toBeNull()
    expect(cache.peek('set')).toBeNull()
    await clock.advance(1)
    expect(cache.peek('short')).toBeUndefined()
    expect(cache.peek('set')).toBeUndefined()
    await cache.wrap('none', load, { nullTtl: 0 })
    expect(cache.peek('none')).toBeUndefined()
  })
})

describe('staleWhileRevalidate', () => {
  it('serves the stale value at once, from ttl to the end of the window and not a millisecond longer', async () => {
    const { clock, cache } = cacheWith({ ttl: 100, staleWhileRevalidate: 50 })
    const { load, runs } = held<string>()
    await cache.set('k', 'old')
    await clock.advance(99)
    expect(await cache.wrap('k', load)).toBe('old')
    expect(runs).toHaveLength(0)
    await clock.advance(1)
    expect(await cache.wrap('k', load)).toBe('old')
    expect(runs).toHaveLength(1)
    await clock.advance(49)
    expect(await cache.wrap('k', load)).toBe('old')
    expect(cache.peek('k')).toBe('old')
    expect(await cache.get('k')).toBe('old')
    await clock.advance(1)
    expect(cache.peek('k')).toBeUndefined()
    const waiting = cache.wrap('k', load)
    expect(await stateOf(waiting)).toBe('pending')
    runs[0]?.resolve('new')
    expect(await waiting).toBe('new')
    expect(runs).toHaveLength(1)
  })

  it('never loads for get, getMany and peek', async () => {
    const { clock, cache } = cacheWith({ ttl: 100, staleWhileRevalidate: 50 })
    await cache.set('k', 'old')
    await clock.advance(100)
    expect(await cache.get('k')).toBe('old')
    expect([...(await cache.getMany(['k', 'x']))]).toEqual([['k', 'old']])
    expect(cache.peek('k')).toBe('old')
    expect(cache.stats()).toMatchObject({ loads: 0, refreshes: 0 })
  })
})

describe('staleIfError', () => {
  it('loads in the foreground, and falls back to the stale value only if that fails', async () => {
    const { clock, cache } = cacheWith({ ttl: 100, staleIfError: 50, retryAfterError: 0 })
    const broken = new Error('broken')
    const failing = () => Promise.reject<string>(broken)
    cache.on('error', () => {})
    await cache.set('k', 'old')
    await clock.advance(100)
    expect(await cache.get('k')).toBeUndefined()
    expect(cache.peek('k')).toBeUndefined()
    expect(await cache.wrap('k', failing)).toBe('old')
    await clock.advance(49)
    expect(await cache.wrap('k', failing)).toBe('old')
    expect(await cache.wrapMany(['k'], () => Promise.reject(broken))).toEqual(
      new Map([['k', 'old']]),
    )
    await clock.advance(1)
    await expect(cache.wrap('k', failing)).rejects.toBe(broken)
    expect(await cache.wrap('k', () => 'new')).toBe('new')
  })

  it('prefers the loaded value', async () => {
    const { clock, cache } = cacheWith({ ttl: 100, staleIfError: 50 })
    await cache.set('k', 'old')
    await clock.advance(100)
    expect(await cache.wrap('k', () => 'new')).toBe('new')
  })

  it('falls back too where the load times out, and where it throws at once', async () => {
    const { clock, cache } = cacheWith({
      ttl: 100,
      staleIfError: '1h',
      loadTimeout: 30,
      retryAfterError: 0,
    })
    cache.on('error', () => {})
    await cache.set('k', 'old')
    await clock.advance(100)
    const hung = cache.wrap('k', () => new Promise<string>(() => {}))
    await clock.advance(30)
    expect(await hung).toBe('old')
    const thrown = cache.wrap('k', (): string => {
      throw new Error('broken')
    })
    expect(await thrown).toBe('old')
  })

  it('counts from ttl beside staleWhileRevalidate, not after it', async () => {
    const { clock, cache } = cacheWith({
      ttl: 100,
      staleWhileRevalidate: 50,
      staleIfError: 80,
      retryAfterError: 0,
    })
    cache.on('error', () => {})
    const failing = () => Promise.reject<string>(new Error('broken'))
    await cache.set('k', 'old')
    await clock.advance(149)
    expect(await cache.wrap('k', failing)).toBe('old')
    expect(cache.stats().refreshes).toBe(1)
    await clock.advance(1)
    expect(await cache.wrap('k', failing)).toBe('old')
    expect(cache.stats().refreshes).toBe(1)
    await clock.advance(29)
    expect(await cache.wrap('k', failing)).toBe('old')
    await clock.advance(1)
    await expect(cache.wrap('k', failing)).rejects.toThrow('broken')
  })

  it('never brings back what was deleted, cleared or invalidated by tag', async () => {
    const { clock, cache } = cacheWith({
      ttl: 100,
      staleIfError: '1h',
      staleWhileRevalidate: '1h',
      tags: ['t'],
    })
    const failing = () => Promise.reject<string>(new Error('broken'))
    for (const invalidate of [
      () => cache.delete('k'),
      () => cache.clear(),
      () => cache.invalidateTags(['t']),
      () => cache.set('k', undefined),
    ]) {
      await cache.set('k', 'old')
      await clock.advance(100)
      await invalidate()
      await expect(cache.wrap('k', failing)).rejects.toThrow('broken')
    }
  })
})

describe('retryAfterError', () => {
  it('serves the stale value this long after a failed load without another try', async () => {
    const { clock, cache } = cacheWith({ ttl: 100, staleIfError: '1h', retryAfterError: 500 })
    cache.on('error', () => {})
    let runs = 0
    const failing = () => {
      runs++
      return Promise.reject<string>(new Error('broken'))
    }
    await cache.set('k', 'old')
    await clock.advance(100)
    expect(await cache.wrap('k', failing)).toBe('old')
    expect((await cache.explain('k')).retryAt).toBe(clock.now() + 500)
    await clock.advance(499)
    expect(await cache.wrap('k', failing)).toBe('old')
    expect([...(await cache.wrapMany(['k'], failing as never))]).toEqual([['k', 'old']])
    expect(runs).toBe(1)
    await clock.advance(1)
    expect(await cache.wrap('k', failing)).toBe('old')
    expect(runs).toBe(2)
  })

  it('is no reason to wait with a load that the caller asks for, nor after expire', async () => {
    const { clock, cache } = cacheWith({ ttl: 100, staleIfError: '1h' })
    cache.on('error', () => {})
    const fail = async () => {
      await clock.advance(100)
      await cache.wrap('k', () => Promise.reject(new Error('broken')))
    }
    await cache.set('k', 'old')
    await fail()
    expect(await cache.wrap('k', () => 'new', { refresh: true })).toBe('new')
    await fail()
    await cache.expire('k')
    expect(await cache.wrap('k', () => 'newer')).toBe('newer')
  })

  it('cannot keep a value longer than its window', async () => {
    const { clock, cache } = cacheWith({ ttl: 100, staleIfError: 50, retryAfterError: '1h' })
    cache.on('error', () => {})
    await cache.set('k', 'old')
    await clock.advance(100)
    await cache.wrap('k', () => Promise.reject(new Error('broken')))
    await clock.advance(50)
    expect(await cache.wrap('k', () => 'new')).toBe('new')
  })
})

describe('errorTtl', () => {
  it('keeps a loader’s error and throws the same object again; by default none is kept', async () => {
    const { clock, cache } = cacheWith()
    const broken = new Error('broken')
    let runs = 0
    const failing = () => {
      runs++
      return Promise.reject<string>(broken)
    }
    await expect(cache.wrap('k', failing)).rejects.toBe(broken)
    await expect(cache.wrap('k', failing)).rejects.toBe(broken)
    expect(runs).toBe(2)
    await expect(cache.wrap('k', failing, { errorTtl: 100 })).rejects.toBe(broken)
    await clock.advance(99)
    await expect(cache.wrap('k', failing)).rejects.toBe(broken)
    await expect(cache.wrapMany(['k'], failing as never)).rejects.toBe(broken)
    expect(runs).toBe(3)
    expect(await cache.get('k')).toBeUndefined()
    expect(cache.peek('k')).toBeUndefined()
    expect((await cache.getMany(['k'])).size).toBe(0)
    await clock.advance(1)
    expect(await cache.wrap('k', () => 'value')).toBe('value')
  })

  it('is ended by every invalidation, by refresh and by set', async () => {
    const { cache } = cacheWith({ errorTtl: '1h', tags: ['t'] })
    for (const invalidate of [
      () => cache.delete('k'),
      () => cache.expire('k'),
      () => cache.clear(),
      () => cache.invalidateTags(['t']),
      () => cache.wrap('k', () => 'value', { refresh: true }),
      () => cache.set('k', 'value'),
    ]) {
      await expect(cache.wrap('k', () => Promise.reject(new Error('broken')))).rejects.toThrow(
        'broken',
      )
      await invalidate()
      expect(await cache.wrap('k', () => 'value')).toBe('value')
      await cache.delete('k')
    }
  })

  it('does not take the place of a value that may still be served stale', async () => {
    const { clock, cache } = cacheWith({
      ttl: 100,
      staleIfError: '1h',
      errorTtl: '1h',
      retryAfterError: 0,
    })
    cache.on('error', () => {})
    await cache.set('k', 'old')
    await clock.advance(100)
    for (let call = 0; call < 3; call++)
      expect(await cache.wrap('k', () => Promise.reject(new Error('broken')))).toBe('old')
  })
})

describe('expire', () => {
  it('makes a value stale from now on, and its windows count from now', async () => {
    const { clock, cache } = cacheWith({ ttl: '1h', staleWhileRevalidate: 50 })
    await cache.set('k', 'old')
    await clock.advance(10)
    await cache.expire('k')
    await clock.advance(49)
    expect(cache.peek('k')).toBe('old')
    expect((await cache.explain('k')).staleBecause).toBe('expire')
    await clock.advance(1)
    expect(cache.peek('k')).toBeUndefined()
  })

  it('cannot make a value that is stale already live longer', async () => {
    const { clock, cache } = cacheWith({ ttl: 100, staleWhileRevalidate: 50 })
    await cache.set('k', 'old')
    await clock.advance(140)
    await cache.expire('k')
    await cache.expire('k')
    await clock.advance(10)
    expect(cache.peek('k')).toBeUndefined()
  })

  it('deletes where there is no window, and does nothing where there is nothing', async () => {
    const { cache } = cacheWith()
    await cache.set('k', 'old')
    await cache.expire(['k', 'absent'])
    expect(cache.peek('k')).toBeUndefined()
    expect((await cache.explain('k')).goneBecause).toBe('expire')
    expect(cache.stats().entries).toBe(0)
  })

  it('keeps the value of a load under way out', async () => {
    const { cache } = cacheWith({ staleWhileRevalidate: '1h' })
    const { load, runs } = held<string>()
    const waiting = cache.wrap('k', load)
    await cache.expire('k')
    runs[0]?.resolve('old')
    expect(await waiting).toBe('old')
    expect(cache.peek('k')).toBeUndefined()
  })
})

describe('jitter', () => {
  it('only ever shortens, by at most its share, and spreads what was stored together', async () => {
    const { clock, cache } = cacheWith({ ttl: 10_000, jitter: 0.2 })
    const lives: number[] = []
    for (let key = 0; key < 500; key++) {
      await cache.set(`k${key}`, key)
      lives.push(((await cache.explain(`k${key}`)).staleAt as number) - clock.now())
    }
    expect(Math.max(...lives)).toBeLessThanOrEqual(10_000)
    expect(Math.min(...lives)).toBeGreaterThanOrEqual(8_000)
    expect(new Set(lives).size).toBeGreaterThan(400)
    expect(Math.max(...lives) - Math.min(...lives)).toBeGreaterThan(1_800)
  })
})

describe('earlyRefresh', () => {
  /** How long before the end a value is refreshed, for loads that take `loadMs`. */
  async function aheadOf(loadMs: number, options: EntryOptions, draws: number): Promise<number[]> {
    const { clock, cache } = cacheWith({ ttl: 10_000, earlyRefresh: 1, ...options })
    const ahead: number[] = []
    for (let draw = 0; draw < draws; draw++) {
      const key = `k${draw}`
      const { load, runs } = held<string>()
      const loading = cache.wrap(key, load)
      await clock.advance(loadMs)
      runs[0]?.resolve('old')
      await loading
      await clock.advance(9_000 - 1)
      let refreshed: number | undefined
      for (let at = 9_000; at <= 10_000 && refreshed === undefined; at += 50) {
        await clock.advance(at === 9_000 ? 1 : 50)
        if (at === 10_000) break
        expect(await cache.wrap(key, load)).toBe('old')
        if (runs.length > 1) refreshed = 10_000 - at
      }
      ahead.push(refreshed ?? 0)
      runs[1]?.resolve('new')
    }
    return ahead
  }

  it('refreshes behind the caller in the last tenth of the ttl, the sooner the longer the load took', async () => {
    const slow = await aheadOf(600, {}, 30)
    const quick = await aheadOf(20, {}, 30)
    const mean = (list: number[]) => list.reduce((sum, one) => sum + one, 0) / list.length
    expect(Math.max(...slow)).toBeLessThanOrEqual(1_000)
    expect(mean(slow)).toBeGreaterThan(200)
    expect(mean(quick)).toBeLessThan(60)
  })

  it('never does so for values that were set, with false, with 0, or without a measured load time', async () => {
    const { clock, cache } = cacheWith({ ttl: 10_000, earlyRefresh: 1_000 })
    await cache.set('set', 'old')
    await cache.wrap('instant', () => 'old')
    const { load, runs } = held<string>()
    const off = [false, 0].map((earlyRefresh, index) =>
      cache.wrap(`off${index}`, load, { earlyRefresh: earlyRefresh as false | number }),
    )
    await clock.advance(600)
    for (const run of runs) run.resolve('old')
    await Promise.all(off)
    await clock.advance(9_399)
    let loads = 0
    for (const key of ['set', 'instant', 'off0', 'off1'])
      await cache.wrap(key, () => {
        loads++
        return 'new'
      })
    expect(loads).toBe(0)
  })

  it('is drawn once per entry: of many who come in that time one refreshes, and a failure waits for the end', async () => {
    const { clock, cache } = cacheWith({ ttl: 10_000, earlyRefresh: 1_000 })
    cache.on('error', () => {})
    const { load, runs } = held<string>()
    const loading = cache.wrap('k', load)
    await clock.advance(600)
    runs[0]?.resolve('old')
    await loading
    await clock.advance(8_999)
    await cache.wrap('k', load)
    expect(runs).toHaveLength(1)
    // Beta is so large that the draw falls on the first moment it may.
    await clock.advance(1)
    for (let caller = 0; caller < 100; caller++) expect(await cache.wrap('k', load)).toBe('old')
    expect(runs).toHaveLength(2)
    runs[1]?.reject(new Error('broken'))
    await turn()
    for (let caller = 0; caller < 100; caller++) expect(await cache.wrap('k', load)).toBe('old')
    expect(runs).toHaveLength(2)
  })
})

describe('the loader context', () => {
  it('setTtl keeps this value this long; 0 does not keep it', async () => {
    const { clock, cache } = cacheWith({ ttl: 100 })
    await cache.wrap('long', ({ setTtl }) => {
      setTtl('1s')
      return 1
    })
    await cache.wrap('none', ({ setTtl }) => {
      setTtl(0)
      return 2
    })
    expect(cache.peek('none')).toBeUndefined()
    await clock.advance(999)
    expect(cache.peek('long')).toBe(1)
    await clock.advance(1)
    expect(cache.peek('long')).toBeUndefined()
    await expect(
      cache.wrap('bad', ({ setTtl }) => {
        setTtl('soon' as '1s')
        return 3
      }),
    ).rejects.toThrow(/setTtl\(ttl\) must be/)
  })

  it('stale is the value kept until now, and notModified makes it as good as new', async () => {
    const { clock, cache } = cacheWith({ ttl: 100, staleIfError: '1h' })
    const seen: unknown[] = []
    await cache.wrap('k', ({ stale, key }) => {
      seen.push([key, stale])
      return { etag: 'a' }
    })
    await clock.advance(100)
    const value = await cache.wrap('k', ({ stale, notModified }) => {
      seen.push(stale)
      return notModified()
    })
    expect(value).toEqual({ etag: 'a' })
    expect(seen).toEqual([['k', undefined], { etag: 'a' }])
    await clock.advance(99)
    expect(cache.peek('k')).toEqual({ etag: 'a' })
    await clock.advance(1)
    expect(cache.peek('k')).toBeUndefined()
  })

  it('notModified without a stale value is an error that says so', async () => {
    const { cache } = cacheWith()
    await expect(cache.wrap('k', ({ notModified }) => notModified())).rejects.toThrow(
      /notModified\(\) needs a stale value.*check context.stale/,
    )
  })

  it('in a batch, stale is a Map by key, and notModified keeps those that there are', async () => {
    const { clock, cache } = cacheWith({ ttl: 100, staleIfError: '1h' })
    await cache.setMany([
      ['a', 1],
      ['b', 2],
    ])
    await clock.advance(100)
    const values = await cache.wrapMany<number>(
      ['a', 'b', 'c'],
      (_missing, { stale, notModified }) => {
        expect(stale).toEqual(
          new Map([
            ['a', 1],
            ['b', 2],
          ]),
        )
        return notModified()
      },
    )
    expect([...values]).toEqual([
      ['a', 1],
      ['b', 2],
    ])
    expect(cache.peek('a')).toBe(1)
  })

  it('skip returns the value to all who wait and keeps nothing; what was kept stays', async () => {
    const { clock, cache } = cacheWith({ ttl: 100, staleWhileRevalidate: '1h' })
    const { load, runs } = held<string>()
    const waiters = [0, 1].map(() => cache.wrap('k', async ({ skip }) => skip(await load())))
    runs[0]?.resolve('once')
    expect(await Promise.all(waiters)).toEqual(['once', 'once'])
    expect(runs).toHaveLength(1)
    expect(cache.peek('k')).toBeUndefined()
    expect((await cache.explain('k')).notKeptBecause).toBe('skip')
    await cache.set('k', 'kept')
    await clock.advance(100)
    expect(await cache.wrap('k', ({ skip }) => skip('other'))).toBe('kept')
    await turn()
    expect(cache.peek('k')).toBe('kept')
  })

  it('setTags adds to the tags of the call', async () => {
    const { cache } = cacheWith()
    const load = ({ setTags }: { setTags(tags: string[]): void }) => {
      setTags(['late', 'called'])
      return 1
    }
    for (const tag of ['called', 'late']) {
      await cache.wrap('k', load, { tags: ['called'] })
      expect((await cache.explain('k')).tags).toEqual(['called', 'late'])
      await cache.invalidateTags([tag])
      expect(cache.peek('k')).toBeUndefined()
    }
  })
})
