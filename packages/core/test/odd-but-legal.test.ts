import { AsyncLocalStorage } from 'node:async_hooks'
import { describe, expect, it } from 'vitest'
import { createCache } from '../src/cache.ts'
import { fakeClock } from '../src/testing/fake-clock.ts'
import { held, turn } from './held.ts'

const cacheOf = () => createCache({ clock: fakeClock() })

describe('odd keys', () => {
  it.each([
    '__proto__',
    'constructor',
    'hasOwnProperty',
    'then',
    '\0',
    '\0\0',
    '\x001\0k',
    ' ',
    '\n',
    '\ufeff',
    '\u{1f600}',
    '*',
    'a'.repeat(4_096),
  ])('are keys like others: %j', async (key) => {
    const cache = cacheOf()
    expect(await cache.get(key)).toBeUndefined()
    expect(await cache.wrap(key, (context) => `value of ${context.key.length}`)).toBe(
      `value of ${key.length}`,
    )
    expect(await cache.wrap(key, () => 'never')).toBe(`value of ${key.length}`)
    expect([...(await cache.getMany([key]))]).toEqual([[key, `value of ${key.length}`]])
    await cache.expire(key)
    await cache.set(key, 2)
    expect([...(await cache.wrapMany<number>([key], () => []))]).toEqual([[key, 2]])
    expect((await cache.explain(key)).key).toBe(key)
    await cache.delete(key)
    expect(cache.peek(key)).toBeUndefined()
    const order = await cache.wrapMany(
      [key, 'other'],
      (missing) => new Map(missing.map((one) => [one, one.length])),
    )
    expect([...order]).toEqual([
      [key, key.length],
      ['other', 5],
    ])
  })

  it('may come twice: each is asked for and answered once, where it came first', async () => {
    const cache = cacheOf()
    const asked: string[][] = []
    const values = await cache.wrapMany(['b', 'a', 'b', 'a', 'c'], (missing) => {
      asked.push(missing)
      return missing.map((key) => key.toUpperCase())
    })
    expect(asked).toEqual([['b', 'a', 'c']])
    expect([...values]).toEqual([
      ['b', 'B'],
      ['a', 'A'],
      ['c', 'C'],
    ])
    expect([...(await cache.getMany(['c', 'a', 'c']))]).toEqual([
      ['c', 'C'],
      ['a', 'A'],
    ])
    await cache.setMany([
      ['a', 1],
      ['a', 2],
    ])
    expect(cache.peek('a')).toBe(2)
    await cache.delete(['a', 'a'])
    expect(cache.peek('a')).toBeUndefined()
  })

  it('may be none at all: nothing is loaded, and all is well', async () => {
    const cache = cacheOf()
    let runs = 0
    const load = () => {
      runs++
      return []
    }
    expect((await cache.wrapMany([], load)).size).toBe(0)
    expect((await cache.getMany([])).size).toBe(0)
    await cache.setMany([])
    await cache.delete([])
    await cache.expire([])
    await cache.invalidateTags([])
    expect(runs).toBe(0)
  })

  it('in the list that a batch loader is handed may be changed by it', async () => {
    const cache = cacheOf()
    const values = await cache.wrapMany(['a', 'b'], (missing) => {
      const answer = missing.map((key) => `${key}!`)
      missing.length = 0
      missing.push('x')
      return answer
    })
    expect([...values]).toEqual([
      ['a', 'a!'],
      ['b', 'b!'],
    ])
    const more = await cache.wrapMany(
      ['c'],
      () =>
        new Map([
          ['c', 1],
          ['uncalled', 2],
        ]),
    )
    expect([...more]).toEqual([['c', 1]])
    expect(cache.peek('uncalled')).toBeUndefined()
  })
})

describe('odd loaders', () => {
  it('may be synchronous', async () => {
    const cache = cacheOf()
    expect(await cache.wrap('k', () => 'value')).toBe('value')
    expect([...(await cache.wrapMany(['a'], () => ['b']))]).toEqual([['a', 'b']])
    const broken = new Error('broken')
    await expect(
      cache.wrap('t', () => {
        throw broken
      }),
    ).rejects.toBe(broken)
    expect(cache.stats().loading).toBe(0)
  })

  it.each([undefined, null, 'a string', 7, Symbol('s'), { message: 'no Error' }])(
    'may throw or reject with %s, and that is what every waiter gets',
    async (thrown) => {
      const cache = cacheOf()
      const rejections = await Promise.allSettled([
        cache.wrap('sync', () => {
          throw thrown
        }),
        cache.wrap('sync', () => {
          throw thrown
        }),
        cache.wrap('async', () => Promise.reject(thrown)),
        cache.wrap('async', () => Promise.reject(thrown)),
        cache.wrapMany(['a', 'b'], () => Promise.reject(thrown)),
      ])
      for (const rejection of rejections)
        expect(rejection).toEqual({ status: 'rejected', reason: thrown })
      await expect(
        cache.wrap('kept', () => Promise.reject(thrown), { errorTtl: 100 }),
      ).rejects.toBe(thrown)
      await expect(cache.wrap('kept', () => 'never')).rejects.toBe(thrown)
    },
  )

  it('may throw undefined behind their callers, or where a stale value is served', async () => {
    const clock = fakeClock()
    const cache = createCache({ clock, defaults: { ttl: 100, jitter: 0, staleIfError: '1h' } })
    const errors: unknown[] = []
    cache.on('error', ({ kind, error }) => errors.push([kind, error]))
    await cache.set('k', 'old')
    await cache.set('s', 'old', { staleWhileRevalidate: '1h' })
    await clock.advance(100)
    const failing = () => Promise.reject(undefined)
    expect(await cache.wrap<string>('k', failing)).toBe('old')
    expect(await cache.wrap<string>('s', failing)).toBe('old')
    await turn()
    expect(errors).toEqual([
      ['fallback', undefined],
      ['refresh', undefined],
    ])
  })

  it('may change the cache while they run: what they invalidate themselves keeps their own value out', async () => {
    const cache = cacheOf()
    for (const invalidate of [
      () => cache.delete('k'),
      () => cache.expire('k'),
      () => cache.clear(),
      () => cache.invalidateTags(['t']),
    ]) {
      const value = await cache.wrap(
        'k',
        async () => {
          await invalidate()
          return 'loaded'
        },
        { tags: ['t'] },
      )
      expect(value).toBe('loaded')
      expect(cache.peek('k')).toBeUndefined()
    }
    const value = await cache.wrap('k', async () => {
      await cache.set('k', 'set')
      return 'loaded'
    })
    expect(value).toBe('loaded')
    expect(cache.peek('k')).toBe('set')
    expect(cache.stats().fenced).toBe(5)
  })

  it('may take everything out of their context, and use it when they are long done', async () => {
    const cache = cacheOf()
    let leaked:
      | { setTtl(ttl: number): void; setTags(tags: string[]): void; skip<T>(value: T): T }
      | undefined
    await cache.wrap('k', ({ setTtl, setTags, skip, signal, stale, key }) => {
      expect([signal.aborted, stale, key]).toEqual([false, undefined, 'k'])
      leaked = { setTtl, setTags, skip }
      return 'v'
    })
    leaked?.setTtl(0)
    leaked?.setTags(['late'])
    expect(leaked?.skip('other')).toBe('other')
    expect(await cache.explain('k')).toMatchObject({ status: 'fresh', tags: [] })
  })

  it('keep their value whatever their own object becomes later', async () => {
    const cache = cacheOf()
    const shared = { list: [1] }
    await cache.wrap('k', () => shared)
    shared.list.push(2)
    expect(cache.peek('k')).toEqual({ list: [1] })
  })
})

describe('AsyncLocalStorage', () => {
  const storage = new AsyncLocalStorage<string>()

  it('in a foreground load is that of the caller who started it', async () => {
    const cache = cacheOf()
    const seen = await storage.run('caller', () => cache.wrap('k', async () => storage.getStore()))
    expect(seen).toBe('caller')
  })

  it('in a refresh behind a caller is the cache’s own, not that of whoever came first', async () => {
    const clock = fakeClock()
    const cache = createCache({
      clock,
      defaults: { ttl: 100, jitter: 0, staleWhileRevalidate: '1h' },
    })
    const seen: unknown[] = []
    const look = async () => {
      await null
      seen.push(storage.getStore())
      return 'v'
    }
    await cache.set('k', 'old')
    await cache.set('m', 'old')
    await clock.advance(100)
    await storage.run('caller', () => cache.wrap('k', look))
    await storage.run('caller', () => cache.wrapMany(['m'], async () => [await look()]))
    await turn()
    expect(seen).toEqual([undefined, undefined])
  })

  it('in an early refresh too, and where the refresh has to queue for its place', async () => {
    const clock = fakeClock()
    const cache = createCache({
      clock,
      resilience: { loadConcurrency: 1 },
      defaults: { ttl: 10_000, jitter: 0, earlyRefresh: 1_000 },
    })
    const { load, runs } = held<string>()
    const loading = cache.wrap('k', load)
    await clock.advance(600)
    runs[0]?.resolve('old')
    await loading
    await clock.advance(9_000)
    const seen: unknown[] = []
    const blocking = held<string>()
    const blocked = cache.wrap('other', blocking.load)
    await turn()
    await storage.run('caller', () =>
      cache.wrap('k', async () => {
        seen.push(storage.getStore())
        return 'new'
      }),
    )
    blocking.runs[0]?.resolve('v')
    await blocked
    await turn()
    expect(seen).toEqual([undefined])
  })

  it('in a load on a lent place is that of the one who started it, not of its lender', async () => {
    const cache = createCache({ clock: fakeClock(), resilience: { loadConcurrency: 1 } })
    const outer = storage.run('outer', () =>
      cache.wrap('outer', () => cache.wrap('shared', () => 'never')),
    )
    const shared = storage.run('shared', () => cache.wrap('shared', async () => storage.getStore()))
    expect(await Promise.all([outer, shared])).toEqual(['shared', 'shared'])
  })
})
