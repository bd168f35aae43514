import { afterEach, describe, expect, it, vi } from 'vitest'
import { type Cache, createCache } from '../cache.ts'
import { ClosedError, CodecError, InvalidOptionError, KeyError } from '../errors.ts'
import { fakeCache } from './fake-cache.ts'
import type { FakeOperation } from './fake-calls.ts'
import { fakeClock } from './fake-clock.ts'

const rejections = vi.fn()
process.on('unhandledRejection', rejections)
afterEach(async () => {
  await new Promise((resolve) => setImmediate(resolve))
  expect(rejections).not.toHaveBeenCalled()
})

describe('a fake cache', () => {
  it('keeps what its loader brings, as the real one does', async () => {
    const cache: Cache = fakeCache()
    const load = vi.fn(async () => ({ name: 'Ada' }))
    const [first, second] = [await cache.wrap('user:1', load), await cache.wrap('user:1', load)]
    expect(first).toEqual({ name: 'Ada' })
    expect(second).toBe(first)
    expect(load).toHaveBeenCalledTimes(1)
    expect(cache.stats()).toMatchObject({ hits: 1, entries: 1 })
    expect(await cache.explain('user:1')).toBeDefined()
  })

  it('lets values expire to the millisecond, when its clock is advanced', async () => {
    const cache = fakeCache()
    await cache.set('user:1', 'Ada', { ttl: '5m' })
    await cache.clock.advance(5 * 60_000 - 1)
    expect(await cache.get('user:1')).toBe('Ada')
    await cache.clock.advance(1)
    expect(await cache.get('user:1')).toBeUndefined()
  })

  it('runs on a clock that is handed in, and refuses one that cannot be advanced', async () => {
    const clock = fakeClock({ now: 0 })
    const cache = fakeCache({ clock, defaults: { ttl: 1_000 } })
    expect(cache.clock).toBe(clock)
    await cache.set('k', 1)
    await clock.advance(1_000)
    expect(cache.peek('k')).toBeUndefined()
    const real = { ...clock, advance: undefined } as unknown as typeof clock
    expect(() => fakeCache({ clock: real })).toThrow(/clock must come from fakeClock/)
  })

  it('takes the options of a cache, and chance where it is asked for', async () => {
    const cache = fakeCache({ defaults: { jitter: 0.5 }, policies: { 'api:*': { ttl: '1s' } } })
    await cache.set('api:x', 1)
    await cache.clock.advance('1s')
    expect(cache.peek('api:x')).toBeUndefined()
    expect(() => fakeCache({ nmae: 'x' } as object)).toThrow(InvalidOptionError)
  })

  it('makes a waiting caller time out without waiting', async () => {
    const cache = fakeCache()
    const waiting = cache.wrap('slow', () => new Promise<string>(() => {}), { loadTimeout: '3s' })
    const outcome = expect(waiting).rejects.toThrow(/loadTimeout|3,?000|3s/)
    await cache.clock.advance('3s')
    await outcome
    await cache.close()
    expect(cache.clock.pendingTimers).toBe(0)
  })

  it('hears listeners and closes as the real one does', async () => {
    const cache = fakeCache()
    const heard = vi.fn()
    const stop = cache.on('invalidate', heard)
    await cache.delete('k')
    stop()
    await cache.delete('k')
    expect(heard).toHaveBeenCalledTimes(1)
    await cache[Symbol.asyncDispose]()
    await expect(cache.get('k')).rejects.toThrow(ClosedError)
    expect(() => cache.seed('k', 1)).toThrow(ClosedError)
    cache.reset()
  })
})

describe('calls', () => {
  it('are written down in their order, with keys and arguments', async () => {
    const cache = fakeCache()
    const load = () => 1
    const loadMany = async () => new Map([['b', 2]])
    await cache.wrap('a', load)
    await cache.wrap('a', load, { ttl: '1s' })
    await cache.wrapMany(['a', 'b'], loadMany)
    await cache.get('a')
    await cache.getMany(['a', 'b'])
    cache.peek('a')
    await cache.set('a', 2)
    await cache.set('a', 2, { tags: ['t'] })
    await cache.setMany(new Map([['c', 3]]))
    await cache.delete('a')
    await cache.delete(['a', 'b'])
    await cache.expire('c')
    await cache.invalidateTags(['t'])
    await cache.clear()
    const root = { namespace: [] }
    expect(cache.calls).toEqual([
      { operation: 'wrap', keys: ['a'], args: ['a', load], ...root },
      { operation: 'wrap', keys: ['a'], args: ['a', load, { ttl: '1s' }], ...root },
      { operation: 'wrapMany', keys: ['a', 'b'], args: [['a', 'b'], loadMany], ...root },
      { operation: 'get', keys: ['a'], args: ['a'], ...root },
      { operation: 'getMany', keys: ['a', 'b'], args: [['a', 'b']], ...root },
      { operation: 'peek', keys: ['a'], args: ['a'], ...root },
      { operation: 'set', keys: ['a'], args: ['a', 2], ...root },
      { operation: 'set', keys: ['a'], args: ['a', 2, { tags: ['t'] }], ...root },
      { operation: 'setMany', keys: ['c'], args: [[['c', 3]]], ...root },
      { operation: 'delete', keys: ['a'], args: ['a'], ...root },
      { operation: 'delete', keys: ['a', 'b'], args: [['a', 'b']], ...root },
      { operation: 'expire', keys: ['c'], args: ['c'], ...root },
      { operation: 'invalidateTags', keys: [], args: [['t']], ...root },
      { operation: 'clear', keys: [], args: [], ...root },
    ])
  })

  it('of a defined function count as the verb it stands for, with its key and its arguments', async () => {
    const cache = fakeCache()
    const getUser = cache.define('user', { load: (id: number) => ({ id }) })
    expect(await getUser(42)).toEqual({ id: 42 })
    expect(await getUser.many([[42], [43]])).toEqual([{ id: 42 }, { id: 43 }])
    expect(getUser.peek(42)).toEqual({ id: 42 })
    await getUser.set([44], { id: 0 })
    await getUser.expire(44)
    await getUser.delete(42)
    await getUser.with({ ttl: '1s' })(42)
    expect(getUser.key(42)).toBe('user:42')
    expect(getUser.name).toBe('user')
    expect(cache.calls.map(({ operation, keys, args }) => [operation, keys, args])).toEqual([
      ['wrap', ['user:42'], [42]],
      ['wrapMany', ['user:42', 'user:43'], [[[42], [43]]]],
      ['peek', ['user:42'], [42]],
      ['set', ['user:44'], [[44], { id: 0 }]],
      ['expire', ['user:44'], [44]],
      ['delete', ['user:42'], [42]],
      ['wrap', ['user:42'], [42]],
    ])
  })

  it('of namespaces are in the same record, with the way to them', async () => {
    const cache = fakeCache()
    const inner = cache.namespace('a').namespace('b', { ttl: '1s' })
    await inner.set('k', 1)
    expect(inner.calls).toBe(cache.calls)
    expect(cache.calls).toEqual([
      { operation: 'set', keys: ['k'], args: ['k', 1], namespace: ['a', 'b'] },
    ])
    expect(await cache.get('k')).toBeUndefined()
    expect(inner.clock).toBe(cache.clock)
  })

  it('that the cache refuses are written down too, as they came', async () => {
    const cache = fakeCache()
    await expect(cache.get('')).rejects.toThrow(KeyError)
    await expect(cache.wrap('k', 1 as unknown as () => number)).rejects.toThrow(InvalidOptionError)
    await expect(cache.setMany(1 as unknown as [])).rejects.toThrow(InvalidOptionError)
    expect(() => cache.peek(1 as unknown as string)).toThrow(KeyError)
    expect(cache.calls.map((call) => call.operation)).toEqual(['get', 'wrap', 'setMany', 'peek'])
  })
})

describe('seed', () => {
  it('keeps a value at once, isolated and unrecorded', async () => {
    const cache = fakeCache()
    const value = { name: 'Ada' }
    cache.seed('user:1', value)
    value.name = 'changed'
    expect(cache.peek('user:1')).toEqual({ name: 'Ada' })
    expect(await cache.wrap('user:1', () => ({ name: 'loaded' }))).toEqual({ name: 'Ada' })
    expect(cache.calls.map((call) => call.operation)).toEqual(['peek', 'wrap'])
  })

  it('reaches defined functions by their keys, and namespaces', async () => {
    const cache = fakeCache()
    const users = cache.namespace('users')
    const getUser = users.define('user', { load: async (id: number) => `loaded ${id}` })
    users.seed(getUser.key(1), 'seeded')
    expect(await getUser(1)).toBe('seeded')
    expect(await getUser(2)).toBe('loaded 2')
    cache.seed('null', null)
    expect(await cache.get('null')).toBeNull()
  })

  it('refuses at once what the cache could not keep', () => {
    const cache = fakeCache()
    expect(() => cache.seed('', 1)).toThrow(KeyError)
    expect(() => cache.seed('k', undefined)).toThrow(InvalidOptionError)
    expect(() => cache.seed('k', { save() {} })).toThrow(CodecError)
    expect(() => fakeCache({ memory: false }).seed('k', 1)).toThrow(/memory is false/)
    const shared = fakeCache({ memory: { values: 'shared' } })
    shared.seed('k', { save() {} })
    expect(shared.peek('k')).toHaveProperty('save')
  })
})

describe('fail', () => {
  const failure = new Error('no cache today')

  it('makes every call of the operation fail with that error, here and in namespaces, and keeps nothing', async () => {
    const cache = fakeCache()
    const before = cache.namespace('before')
    const getUser = before.define('user', { load: () => 'Ada' })
    cache.fail('wrap', failure)
    const load = vi.fn(() => 1)
    await expect(cache.wrap('k', load)).rejects.toBe(failure)
    await expect(cache.namespace('after').wrap('k', load)).rejects.toBe(failure)
    await expect(getUser()).rejects.toBe(failure)
    expect(load).not.toHaveBeenCalled()
    expect(cache.calls).toHaveLength(3)
    expect(await cache.get('k')).toBeUndefined()
  })

  it('works for every operation, and for no other name', async () => {
    const cache = fakeCache()
    const attempts: Record<FakeOperation, () => unknown> = {
      wrap: () => cache.wrap('k', () => 1),
      wrapMany: () => cache.wrapMany(['k'], async () => [1]),
      get: () => cache.get('k'),
      getMany: () => cache.getMany(['k']),
      peek: async () => cache.peek('k'),
      set: () => cache.set('k', 1),
      setMany: () => cache.setMany([['k', 1]]),
      delete: () => cache.delete('k'),
      expire: () => cache.expire('k'),
      invalidateTags: () => cache.invalidateTags(['t']),
      expireTags: () => cache.expireTags(['t']),
      clear: () => cache.clear(),
    }
    for (const [operation, attempt] of Object.entries(attempts)) {
      cache.fail(operation as FakeOperation, failure)
      await expect(attempt(), operation).rejects.toBe(failure)
    }
    expect(() => cache.peek('k')).toThrow(failure)
    expect(() => cache.fail('delte' as 'delete', failure)).toThrow(/did you mean 'delete'/)
    expect(() => cache.fail('close' as 'clear', failure)).toThrow(InvalidOptionError)
  })
})

describe('reset', () => {
  it('forgets calls, failures and values, and switches everything on again', async () => {
    const cache = fakeCache()
    const inner = cache.namespace('inner')
    cache.seed('k', 1)
    inner.seed('k', 2)
    cache.fail('get', new Error('x'))
    await expect(cache.get('k')).rejects.toThrow('x')
    inner.enabled = false
    expect(inner.enabled).toBe(false)
    cache.reset()
    expect(cache.calls).toEqual([])
    expect(inner.enabled).toBe(true)
    expect(await cache.get('k')).toBeUndefined()
    expect(await inner.get('k')).toBeUndefined()
    inner.seed('k', 3)
    expect(await inner.get('k')).toBe(3)
  })

  it('drops the write of a load that was under way', async () => {
    const cache = fakeCache()
    let finish: (value: string) => void = () => {}
    const loading = cache.wrap('k', () => new Promise<string>((resolve) => (finish = resolve)))
    await cache.clock.advance(0)
    cache.reset()
    finish('late')
    expect(await loading).toBe('late')
    expect(await cache.get('k')).toBeUndefined()
  })
})

it('behaves as the cache it stands for, over the same steps', async () => {
  const steps = async (cache: Cache) => {
    const seen: unknown[] = []
    const getUser = cache.define('user', { load: async (id: number) => ({ id }), tags: ['users'] })
    seen.push(await getUser(1), getUser.peek(1), await cache.wrap('k', () => null))
    await cache.invalidateTags(['users'])
    seen.push(getUser.peek(1), await cache.get('k'))
    seen.push(await cache.wrapMany(['k', 'l'], async (missing) => missing.map(() => 'many')))
    await cache.setMany([['m', [1]]])
    await cache.expire('m')
    seen.push(await cache.getMany(['m', 'l', 'none']))
    await cache.clear()
    seen.push(await cache.get('l'), cache.enabled)
    return seen
  }
  const real = createCache({ clock: fakeClock() })
  expect(await steps(fakeCache())).toEqual(await steps(real))
  await real.close()
})
