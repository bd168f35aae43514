import { describe, expect, it } from 'vitest'
import { type Cache, createCache } from '../src/cache.ts'
import type { MemoryOptions } from '../src/options/options.ts'
import { fakeClock } from '../src/testing/fake-clock.ts'
import { held, turn } from './held.ts'

interface Value {
  n: number
  list: number[]
  at?: Date
}
type Way = (cache: Cache) => Promise<Value | undefined>

function cacheOf(values?: MemoryOptions['values']) {
  const clock = fakeClock()
  const memory = values === undefined ? {} : { values }
  const cache = createCache({
    clock,
    memory,
    defaults: { jitter: 0, ttl: 100, staleIfError: '1h', staleWhileRevalidate: '1h' },
  })
  cache.on('error', () => {})
  return { clock, cache }
}

const never = (): Value => {
  throw new Error('must not load')
}

/** Every way on which a kept value comes out. */
const ways: Record<string, Way> = {
  'a near hit of wrap': (cache) => cache.wrap('k', never),
  get: (cache) => cache.get<Value>('k'),
  getMany: async (cache) => (await cache.getMany<Value>(['k'])).get('k'),
  peek: async (cache) => cache.peek<Value>('k'),
  wrapMany: async (cache) => (await cache.wrapMany<Value>(['k'], () => [])).get('k'),
  'the stale value of a loader': async (cache) => {
    let seen: unknown
    await cache.wrap(
      'k',
      ({ stale, skip }) => {
        seen = stale
        return skip(undefined)
      },
      { refresh: true },
    )
    return seen as Value
  },
  'a fallback to it': (cache) =>
    cache.wrap<Value>('k', () => Promise.reject(new Error('x')), { refresh: true }),
  notModified: (cache) =>
    cache.wrap<Value>('k', ({ notModified }) => notModified(), { refresh: true }),
  'a hit that somebody listens to': async (cache) => {
    const off = cache.on('hit', () => {})
    const value = await cache.wrap('k', never)
    off()
    return value
  },
}

/** Tries what a careless caller does; frozen values refuse it. */
function meddle(value: Value | undefined): void {
  if (value === undefined) throw new Error('there is no value')
  for (const change of [
    () => {
      value.n = 666
    },
    () => {
      value.list.push(666)
    },
    () => {
      value.at?.setTime(666)
    },
  ]) {
    try {
      change()
    } catch (error) {
      if (!(error instanceof TypeError)) throw error
    }
  }
}

const plain = (): Value => ({ n: 1, list: [1] })
const dated = (): Value => ({ n: 1, list: [1], at: new Date(1) })

describe.each([
  ['plain, isolated', undefined, plain],
  ['holding a Date, isolated', undefined, dated],
  ['plain, copied', 'copied', plain],
  ['holding a Date, copied', 'copied', dated],
] as const)('a value that is %s', (_what, values, make) => {
  it.each(Object.entries(ways))(
    'cannot be changed for others by who got it from %s',
    async (_name, way) => {
      const { cache } = cacheOf(values)
      await cache.set('k', make())
      meddle(await way(cache))
      for (const other of Object.values(ways)) expect(await other(cache)).toEqual(make())
    },
  )

  it('cannot be changed by the one who brought it: its setter, its first caller, its loader', async () => {
    const { cache } = cacheOf(values)
    const brought = make()
    await cache.set('k', brought)
    meddle(brought)
    expect(cache.peek('k')).toEqual(make())
    const loaded = make()
    const first = await cache.wrap('l', () => loaded)
    meddle(first)
    meddle(loaded)
    expect(cache.peek('l')).toEqual(make())
  })

  it('cannot be changed by one waiter for another', async () => {
    const { cache } = cacheOf(values)
    const { load, runs } = held<Value>()
    const waiters = [0, 1, 2].map(() => cache.wrap('k', load))
    const many = cache.wrapMany<Value>(['k'], () => [])
    runs[0]?.resolve(make())
    const got = [...(await Promise.all(waiters)), (await many).get('k')]
    for (const [index, value] of got.entries()) {
      expect(value).toEqual(make())
      meddle(value)
      for (const later of got.slice(index + 1)) expect(later).toEqual(make())
    }
    expect(cache.peek('k')).toEqual(make())
  })

  it('cannot be changed by a waiter of a load that is not kept', async () => {
    const { cache } = cacheOf(values)
    for (const invalidate of [() => cache.delete('k'), () => cache.clear(), async () => {}]) {
      const { load, runs } = held<Value>()
      const waiters = [0, 1].map(() => cache.wrap('k', async ({ skip }) => skip(await load())))
      await invalidate()
      runs[0]?.resolve(make())
      const [first, second] = await Promise.all(waiters)
      meddle(first)
      expect(second).toEqual(make())
    }
  })
})

describe('values', () => {
  it("'isolated' hands out one frozen value to all, the first caller included, so that a hit copies nothing", async () => {
    const { cache } = cacheOf()
    const first = await cache.wrap('k', plain)
    const second = await cache.wrap('k', never)
    expect(second).toBe(first)
    expect(Object.isFrozen(first)).toBe(true)
    expect(Object.isFrozen(first.list)).toBe(true)
    expect(cache.peek('k')).toBe(first)
    expect(cache.wrap('k', never)).toBe(cache.wrap('k', never))
  })

  it("'copied' hands out a copy of its own that may be changed", async () => {
    const { cache } = cacheOf('copied')
    await cache.set('k', plain())
    const value = await cache.wrap('k', never)
    value.n = 2
    value.list.push(2)
    expect(value).toEqual({ n: 2, list: [1, 2] })
  })

  it("'shared' hands out the reference itself, also of class instances and functions", async () => {
    const { cache } = cacheOf('shared')
    class Account {
      readonly id = 1
    }
    const account = new Account()
    expect(await cache.wrap('a', () => account)).toBe(account)
    expect(await cache.wrap('a', () => new Account())).toBe(account)
    const action = () => 'done'
    await cache.set('f', action)
    expect(cache.peek('f')).toBe(action)
  })
})

describe('a value that cannot be isolated', () => {
  class Account {
    readonly id = 1
  }

  it('is returned, not kept, counted, named by explain, told as an event, and what was kept goes', async () => {
    const { cache } = cacheOf()
    const told: unknown[] = []
    cache.on('error', ({ kind, key }) => told.push([kind, key]))
    cache.on('not-kept', ({ reason, key }) => told.push([reason, key]))
    const account = new Account()
    await cache.set('k', 'old')
    expect(await cache.wrap<unknown>('k', () => account, { refresh: true })).toBe(account)
    expect(cache.peek('k')).toBeUndefined()
    expect(cache.stats().codecErrors).toBe(1)
    expect((await cache.explain('k')).notKeptBecause).toBe('codec')
    expect(told).toEqual([
      ['codec', 'k'],
      ['codec', 'k'],
    ])
    await cache.set('s', 'old')
    await cache.set('s', account)
    expect(cache.peek('s')).toBeUndefined()
    expect(cache.stats().codecErrors).toBe(2)
  })

  it('still runs its loader once for all who wait', async () => {
    const { cache } = cacheOf()
    const { load, runs } = held<Account>()
    const waiters = [0, 1].map(() => cache.wrap('k', load))
    const account = new Account()
    runs[0]?.resolve(account)
    expect(await Promise.all(waiters)).toEqual([account, account])
    expect(runs).toHaveLength(1)
  })

  it('in a batch leaves the other keys as they are', async () => {
    const { cache } = cacheOf()
    const values = await cache.wrapMany<unknown>(['a', 'b'], () => [new Account(), 'kept'])
    expect(values.get('a')).toBeInstanceOf(Account)
    expect(cache.peek('a')).toBeUndefined()
    expect(cache.peek('b')).toBe('kept')
    await turn()
  })
})
