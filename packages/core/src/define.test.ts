import { describe, expect, it } from 'vitest'
import { held, turn } from '../test/held.ts'
import { createCache } from './cache.ts'
import { CodecError, KeyError } from './errors.ts'
import type { StandardSchemaV1 } from './standard-schema.ts'
import { fakeClock } from './testing/fake-clock.ts'

interface User {
  id: number
  name: string
}

function cacheOf() {
  const clock = fakeClock()
  return { clock, cache: createCache({ clock, defaults: { jitter: 0, earlyRefresh: false } }) }
}

/** Lets users through, trims their names, and says what is wrong with all else; slowly if asked. */
function userSchema(slowly = false): StandardSchemaV1<unknown, User> {
  const validate = (value: unknown) => {
    const { id, name } = value as Partial<User>
    if (typeof id !== 'number')
      return { issues: [{ message: 'no number', path: ['user', { key: 'id' }] }] }
    if (typeof name !== 'string') return { issues: [{ message: 'no name' }] }
    return { value: { id, name: name.trim() } }
  }
  return {
    '~standard': {
      version: 1,
      vendor: 'test',
      validate: (value) => (slowly ? Promise.resolve(validate(value)) : validate(value)),
    },
  }
}

describe('a defined function', () => {
  it('is cached per arguments, and the handle of what it keeps', async () => {
    const { cache } = cacheOf()
    let runs = 0
    const user = cache.define('user', {
      load: async (id: number): Promise<User> => {
        runs++
        return { id, name: `n${runs}` }
      },
    })
    expect(user.name).toBe('user')
    expect(await user(1)).toEqual({ id: 1, name: 'n1' })
    expect(await user(1)).toEqual({ id: 1, name: 'n1' })
    expect(await user(2)).toEqual({ id: 2, name: 'n2' })
    expect(user.peek(1)).toEqual({ id: 1, name: 'n1' })
    expect(user.key(1)).toBe('user:1')
    expect(cache.peek('user:1')).toEqual({ id: 1, name: 'n1' })
    await user.delete(1)
    expect(user.peek(1)).toBeUndefined()
    await user.set([1], { id: 1, name: 'set' })
    expect(await user(1)).toEqual({ id: 1, name: 'set' })
    await user.expire(1)
    expect(await user(1)).toEqual({ id: 1, name: 'n3' })
  })

  it('answers many calls in their order, and runs the loader once for the same one', async () => {
    const { cache } = cacheOf()
    const loaded: number[] = []
    const square = cache.define('square', {
      load: async (n: number) => {
        loaded.push(n)
        return n * n
      },
    })
    expect(await square.many([[3], [2], [3]])).toEqual([9, 4, 9])
    expect(loaded).toEqual([3, 2])
    expect(await square.many([])).toEqual([])
    // A single argument may stand alone.
    expect(await square.many([5, 4])).toEqual([25, 16])
  })

  it('with options is the same function: the same keys, other ways to load and keep', async () => {
    const { clock, cache } = cacheOf()
    let runs = 0
    const count = cache.define('count', { load: () => ++runs, ttl: 100 })
    const long = count.with({ ttl: 1_000 })
    expect(await long()).toBe(1)
    expect(await count()).toBe(1)
    await clock.advance(100)
    expect(await count()).toBe(1)
    expect(await count.with({ refresh: true })()).toBe(2)
    expect(await count.with({ refresh: true }).with({ ttl: 50 })()).toBe(3)
    expect(await count.with({ refresh: true }).with({ refresh: false })()).toBe(3)
    expect(await cache.define('always', { load: () => ++runs, refresh: true })()).toBe(4)
    expect((await cache.explain('count:()')).status).toBe('fresh')
  })

  it('hands loadWith the context before the arguments', async () => {
    const { clock, cache } = cacheOf()
    const page = cache.define('page', {
      loadWith: ({ key, setTtl, stale }, url: string) => {
        setTtl(10)
        return `${key} ${url} ${stale}`
      },
      staleIfError: '1h',
    })
    expect(await page('/a')).toBe('page:"/a" /a undefined'.replace('"/a"', page.key('/a').slice(5)))
    await clock.advance(10)
    expect(await page('/a')).toMatch(/\/a page:/)
  })

  it('has keys that never collide, and others where it is told: by key, by version, by name', async () => {
    const { cache } = cacheOf()
    const load = (...args: readonly unknown[]) => JSON.stringify(args)
    const any = cache.define('any', { load })
    const lists: unknown[][] = [
      ['1'],
      [1],
      [['a', 'b']],
      ['a', 'b'],
      [{ a: 1 }],
      ['{"a":1}'],
      [],
      [undefined],
      [null],
      [''],
    ]
    expect(new Set(lists.map((args) => any.key(...args))).size).toBe(lists.length)
    expect(any.key({ a: 1, b: 2 })).toBe(any.key({ b: 2, a: 1 }))
    for (const args of lists) await any(...args)
    for (const args of lists) expect(any.peek(...args)).toBe(JSON.stringify(args))
    expect(any.key('x'.repeat(10_000)).length).toBeLessThan(200)
    const versions = ['1', '2'].map((version) => cache.define('any', { load, version }))
    expect(new Set([any, ...versions].map((each) => each.key(1))).size).toBe(3)
    const own = cache.define('own', { load: (id: number) => id, key: (id) => `user:${id % 10}` })
    expect(await own(12)).toBe(12)
    expect(await own(22)).toBe(12)
    await expect(any(() => {})).rejects.toBeInstanceOf(KeyError)
    expect(() => any.peek(Symbol('s'))).toThrow(KeyError)
  })

  it('carries its tags, fixed or by arguments, those of its options on top', async () => {
    const { cache } = cacheOf()
    const byId = cache.define('by-id', {
      load: (id: number) => id,
      tags: (id) => [`user:${id}`, 'users'],
    })
    const fixed = cache.define('fixed', { load: () => 1, tags: ['users'] })
    await byId.with({ tags: ['call'] })(1)
    expect((await cache.explain(byId.key(1))).tags).toEqual(['user:1', 'users', 'call'])
    await fixed()
    await cache.invalidateTags(['user:1'])
    expect(byId.peek(1)).toBeUndefined()
    expect(fixed.peek()).toBe(1)
    await byId.set([2], 2)
    await cache.invalidateTags(['users'])
    expect([byId.peek(2), fixed.peek()]).toEqual([undefined, undefined])
    const broken = cache.define('broken', {
      load: () => 1,
      tags: () => {
        throw new Error('no tags')
      },
    })
    await expect(broken()).rejects.toThrow('no tags')
    const bad = cache.define('bad', { load: () => 1, tags: () => [''] })
    await expect(bad()).rejects.toThrow(/define\('bad'\): tags\(…\)\[0\] must be/)
  })

  it('in a namespace keeps there, and is cleared with it', async () => {
    const { cache } = cacheOf()
    const inner = cache.namespace('n')
    const [a, b] = [cache, inner].map((each) => each.define('same', { load: () => 1 }))
    await a?.()
    await b?.()
    await inner.clear()
    expect([a?.peek(), b?.peek()]).toEqual([1, undefined])
  })
})

describe.each([
  ['that answers at once', false],
  ['that takes its time', true],
])('with a schema %s', (_what, slowly) => {
  it('keeps and returns what the schema makes of a value', async () => {
    const { cache } = cacheOf()
    const user = cache.define('user', {
      load: async (id: number) => ({ id, name: ' ada ' }),
      schema: userSchema(slowly),
    })
    expect(await user(1)).toEqual({ id: 1, name: 'ada' })
    expect(user.peek(1)).toEqual({ id: 1, name: 'ada' })
    await user.set([2], { id: 2, name: ' bob ' })
    expect(user.peek(2)).toEqual({ id: 2, name: 'bob' })
  })

  it('rejects a load that does not fit, says where, and does not store it', async () => {
    const { cache } = cacheOf()
    const user = cache.define('user', {
      load: async (_id: number) => ({ id: 'one' }) as unknown as User,
      schema: userSchema(slowly),
    })
    const failed = user(1)
    await expect(failed).rejects.toBeInstanceOf(CodecError)
    await expect(failed).rejects.toThrow(
      /define\('user'\).*does not fit its schema \(user\.id: no number\)/,
    )
    expect(user.peek(1)).toBeUndefined()
    expect(cache.stats().entries).toBe(0)
    await expect(user.set([1], { id: 1 } as User)).rejects.toThrow(/no name/)
    expect(user.peek(1)).toBeUndefined()
  })

  it('falls back to a stale value instead, where one may be served', async () => {
    const { clock, cache } = cacheOf()
    cache.on('error', () => {})
    const user = cache.define('user', {
      load: async (_id: number) => ({}) as User,
      schema: userSchema(slowly),
      ttl: 100,
      staleIfError: '1h',
    })
    await user.set([1], { id: 1, name: 'ada' })
    await clock.advance(100)
    expect(await user(1)).toEqual({ id: 1, name: 'ada' })
  })

  it('does not keep a value that was invalidated while it was checked', async () => {
    const { cache } = cacheOf()
    const { load, runs } = held<User>()
    const user = cache.define('user', { load: (_id: number) => load(), schema: userSchema(slowly) })
    const loading = user(1)
    runs[0]?.resolve({ id: 1, name: 'old' })
    await user.delete(1)
    expect(await loading).toEqual({ id: 1, name: 'old' })
    await turn()
    expect(user.peek(1)).toBeUndefined()
  })
})

describe('notModified and skip in a defined function with a schema', () => {
  it('pass the schema by: the value was checked before, or is the loader’s own affair', async () => {
    const { clock, cache } = cacheOf()
    const user = cache.define('user', {
      loadWith: ({ stale, notModified }, id: number) =>
        stale === undefined ? { id, name: 'ada' } : notModified(),
      schema: userSchema(),
      ttl: 100,
      staleIfError: '1h',
    })
    await user(1)
    await clock.advance(100)
    expect(await user(1)).toEqual({ id: 1, name: 'ada' })
    expect((await cache.explain(user.key(1))).status).toBe('fresh')
  })
})
