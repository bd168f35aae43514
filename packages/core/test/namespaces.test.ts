import { describe, expect, it } from 'vitest'
import { createCache } from '../src/cache.ts'
import { ClosedError } from '../src/errors.ts'
import { MemoryBacking } from '../src/store/memory-backing.ts'
import { memoryStore } from '../src/store/memory-store.ts'
import { fakeClock } from '../src/testing/fake-clock.ts'
import { held, turn } from './held.ts'

function cacheOf(maxEntries = 100) {
  const clock = fakeClock()
  const defaults = { jitter: 0, earlyRefresh: false } as const
  return { clock, cache: createCache({ clock, defaults, memory: { maxEntries } }) }
}

describe('a namespace', () => {
  it('has keys of its own, and is the same one wherever it is asked for', async () => {
    const { cache } = cacheOf()
    const a = cache.namespace('a')
    await cache.set('k', 'root')
    await a.set('k', 'a')
    await a.namespace('b').set('k', 'a then b')
    await cache.namespace('b').set('k', 'b')
    await cache.namespace('a:b').set('k', 'a:b')
    expect(cache.peek('k')).toBe('root')
    expect(cache.namespace('a').peek('k')).toBe('a')
    expect(cache.namespace('a').namespace('b').peek('k')).toBe('a then b')
    expect(cache.namespace('b').peek('k')).toBe('b')
    expect(cache.namespace('a:b').peek('k')).toBe('a:b')
  })

  it('is cleared with the one around it, and not the other way round; names with a colon are their own', async () => {
    const { cache } = cacheOf()
    const a = cache.namespace('a')
    const [inner, colon] = [a.namespace('b'), cache.namespace('a:b')]
    const all = [cache, a, inner, colon]
    const fill = async () => {
      for (const each of all) await each.set('k', 'v')
    }
    const kept = () => all.map((each) => each.peek('k') !== undefined)
    await fill()
    await inner.clear()
    expect(kept()).toEqual([true, true, false, true])
    await fill()
    await a.clear()
    expect(kept()).toEqual([true, false, false, true])
    await fill()
    await cache.clear()
    expect(kept()).toEqual([false, false, false, false])
  })

  it('is reached by tags of the one around it, and its own tags reach nobody else', async () => {
    const { cache } = cacheOf()
    const a = cache.namespace('a')
    const b = a.namespace('b')
    const all = [cache, a, b]
    const fill = async () => {
      for (const each of all) await each.set('k', 'v', { tags: ['t'] })
    }
    const kept = () => all.map((each) => each.peek('k') !== undefined)
    await fill()
    await b.invalidateTags(['t'])
    expect(kept()).toEqual([true, true, false])
    await fill()
    await cache.invalidateTags(['t'])
    expect(kept()).toEqual([false, false, false])
  })

  it('shares the near tier and its bounds, the counters and the events', async () => {
    const { cache } = cacheOf(2)
    const a = cache.namespace('a')
    const evicted: unknown[] = []
    cache.on('evict', ({ key }) => evicted.push(key))
    await a.set('first', 1)
    await cache.set('second', 2)
    await a.set('third', 3)
    expect(a.peek('first')).toBeUndefined()
    // The key as its caller wrote it, without the name of its namespace.
    expect(evicted).toEqual(['first'])
    expect(a.stats()).toEqual(cache.stats())
    expect(a.stats()).toMatchObject({ entries: 2, evictions: 1 })
  })

  it('has defaults of its own on top of the cache’s, and they go in', async () => {
    const { clock, cache } = cacheOf()
    const short = cache.namespace('short', { ttl: 100 })
    const tagged = short.namespace('tagged', { tags: ['t'] })
    for (const each of [cache, short, tagged]) await each.set('k', 'v')
    expect((await tagged.explain('k')).tags).toEqual(['t'])
    await clock.advance(100)
    expect([cache, short, tagged].map((each) => each.peek('k'))).toEqual([
      'v',
      undefined,
      undefined,
    ])
  })

  it('keeps invalidations out of loads: a clear around it voids its load, a clear beside it does not', async () => {
    const { cache } = cacheOf()
    const a = cache.namespace('a')
    const { load, runs } = held<string>()
    const first = a.wrap('k', load)
    await cache.namespace('b').clear()
    await a.namespace('inside').clear()
    const joined = a.wrap('k', load)
    expect(runs).toHaveLength(1)
    await cache.clear()
    const second = a.wrap('k', load)
    expect(runs).toHaveLength(2)
    runs[0]?.resolve('old')
    runs[1]?.resolve('new')
    expect(await Promise.all([first, joined, second])).toEqual(['old', 'old', 'new'])
    expect(a.peek('k')).toBe('new')
  })

  it('may be closed alone; asked for again it is a new one', async () => {
    const { clock, cache } = cacheOf()
    const a = cache.namespace('a')
    const { load } = held<string>()
    const hung = expect(a.wrap('k', load)).rejects.toBeInstanceOf(ClosedError)
    await a.set('kept', 1)
    await cache.set('kept', 2)
    const outside = held<string>()
    const other = cache.wrap('other', outside.load)
    const closed = a.close({ drain: 0 })
    await turn()
    await expect(a.wrap('k', load)).rejects.toBeInstanceOf(ClosedError)
    await clock.advance(1)
    await closed
    await hung
    expect(cache.peek('kept')).toBe(2)
    outside.runs[0]?.resolve('v')
    expect(await other).toBe('v')
    const again = cache.namespace('a')
    expect(again.peek('kept')).toBeUndefined()
    expect(await again.wrap('kept', () => 3)).toBe(3)
  })

  it('keeps keys apart whatever characters they hold', async () => {
    const { cache } = cacheOf(1_000)
    const names = ['a', '1', '\0', '\0a', 'a\0', '\u0001', '__proto__', 'constructor', ' ']
    const keys = [
      'k',
      '\0k',
      '\0\0k',
      '\x001\0k',
      '__proto__',
      'constructor',
      'toString',
      '1',
      '\u20ac',
      '\u{1f600}',
    ]
    const spaces = [cache, ...names.map((name) => cache.namespace(name))]
    for (const [index, space] of spaces.entries())
      for (const key of keys) await space.set(key, `${index} ${key}`)
    for (const [index, space] of spaces.entries())
      for (const key of keys) {
        expect(space.peek(key)).toBe(`${index} ${key}`)
        expect(await space.wrap(key, () => 'never')).toBe(`${index} ${key}`)
        expect((await space.getMany<string>([key])).get(key)).toBe(`${index} ${key}`)
      }
  })
})

describe('the kill switch', () => {
  it('sends every wrap to its loader, and nothing is read or kept', async () => {
    const { cache } = cacheOf()
    await cache.set('k', 'kept')
    cache.enabled = false
    expect(cache.enabled).toBe(false)
    let runs = 0
    const load = () => {
      runs++
      return 'loaded'
    }
    expect(await Promise.all([cache.wrap('k', load), cache.wrap('k', load)])).toEqual([
      'loaded',
      'loaded',
    ])
    expect([...(await cache.wrapMany(['k', 'l'], (missing) => missing.map(load)))]).toEqual([
      ['k', 'loaded'],
      ['l', 'loaded'],
    ])
    expect(runs).toBe(4)
    expect(await cache.get('k')).toBeUndefined()
    expect((await cache.getMany(['k'])).size).toBe(0)
    expect(cache.peek('k')).toBeUndefined()
    await cache.set('k', 'set')
    expect(cache.peek('k')).toBeUndefined()
    expect(cache.stats()).toMatchObject({ entries: 0, loading: 0 })
    expect(await cache.explain('k')).toMatchObject({
      off: true,
      status: 'absent',
      notKeptBecause: 'off',
    })
  })

  it('serves nothing old when it is switched on again: neither what was kept, nor loads from before or meanwhile', async () => {
    const { cache } = cacheOf()
    const { load, runs } = held<string>()
    await cache.set('kept', 'old')
    const before = cache.wrap('before', load)
    cache.enabled = false
    const meanwhile = cache.wrap('meanwhile', load)
    cache.enabled = true
    for (const run of runs) run.resolve('old')
    expect(await Promise.all([before, meanwhile])).toEqual(['old', 'old'])
    for (const key of ['kept', 'before', 'meanwhile']) {
      expect(cache.peek(key)).toBeUndefined()
      expect(await cache.wrap(key, () => 'new')).toBe('new')
    }
  })

  it('lets invalidations act while it is off', async () => {
    const { cache } = cacheOf()
    const a = cache.namespace('a')
    await cache.set('k', 'old', { tags: ['t'] })
    a.enabled = false
    await cache.invalidateTags(['t'])
    await a.delete('k')
    await a.expire('k')
    await a.clear()
    await a.set('k', 'v')
    a.enabled = true
    expect(cache.peek('k')).toBeUndefined()
    expect(a.peek('k')).toBeUndefined()
  })

  it('of a namespace concerns what is inside it, and nothing around it', async () => {
    const { cache } = cacheOf()
    const a = cache.namespace('a')
    const b = a.namespace('b')
    for (const each of [cache, a, b]) await each.set('k', 'old')
    a.enabled = false
    expect([cache.enabled, a.enabled, b.enabled]).toEqual([true, false, false])
    expect(cache.peek('k')).toBe('old')
    expect(await b.wrap('k', () => 'new')).toBe('new')
    expect(b.peek('k')).toBeUndefined()
    a.enabled = true
    expect(b.peek('k')).toBeUndefined()
    cache.enabled = false
    expect(b.enabled).toBe(false)
    b.enabled = true
    expect(b.enabled).toBe(false)
  })

  it('may be off from the start', async () => {
    const cache = createCache({ clock: fakeClock(), enabled: false })
    expect(cache.enabled).toBe(false)
    await cache.wrap('k', () => 1)
    expect(cache.stats().entries).toBe(0)
    cache.enabled = true
    await cache.wrap('k', () => 1)
    expect(cache.stats().entries).toBe(1)
  })
})

describe('policies', () => {
  it('go by the longest pattern that matches, field by field under the options of the call', async () => {
    const cache = createCache({
      clock: fakeClock(),
      defaults: { tags: ['default'] },
      policies: {
        '*': { tags: ['all'] },
        'api:*': { tags: ['api'] },
        'api:products:*': { tags: ['products'] },
        'api:*:top': { tags: ['top'] },
        'api:products:top': { tags: ['exactly'] },
      },
    })
    const tagsOf = async (key: string) => {
      await cache.set(key, 1)
      return (await cache.explain(key)).tags
    }
    expect(await tagsOf('user:1')).toEqual(['all'])
    expect(await tagsOf('api:users:1')).toEqual(['api'])
    expect(await tagsOf('api:products:1')).toEqual(['products'])
    expect(await tagsOf('api:users:top')).toEqual(['top'])
    expect(await tagsOf('api:products:top')).toEqual(['exactly'])
    expect(await tagsOf('api:')).toEqual(['api'])
    await cache.set('api:x', 1, { tags: ['call'] })
    expect((await cache.explain('api:x')).tags).toEqual(['call'])
  })

  it('give each key of a batch its own', async () => {
    const clock = fakeClock()
    const policies = { 'short:*': { ttl: 100 }, 'long:*': { ttl: 1_000 } }
    const cache = createCache({ clock, policies, defaults: { jitter: 0 } })
    await cache.wrapMany(['short:1', 'long:1'], (missing) => missing)
    await cache.setMany([
      ['short:2', 1],
      ['long:2', 2],
    ])
    await clock.advance(100)
    const kept = ['short:1', 'long:1', 'short:2', 'long:2'].map(
      (key) => cache.peek(key) !== undefined,
    )
    expect(kept).toEqual([false, true, false, true])
  })

  it('of one batch the shortest loadTimeout ends its load', async () => {
    const clock = fakeClock()
    const policies = { 'quick:*': { loadTimeout: 10, softTimeout: 5 } }
    const cache = createCache({ clock, policies })
    const many = cache.wrapMany(['slow:1', 'quick:1'], () => new Promise<string[]>(() => {}))
    const outcome = expect(many).rejects.toThrow(/loadTimeout of 10 ms/)
    await clock.advance(10)
    await outcome
  })
})

describe('options', () => {
  it('may be frozen, and changing them later changes nothing', async () => {
    const clock = fakeClock()
    const defaults = { ttl: 100, jitter: 0, tags: ['t'] }
    const policies = { 'p:*': { ttl: 50, tags: ['p'] } }
    const cache = createCache({ clock, defaults, policies })
    const definition = { load: () => 'v', tags: ['d'], ttl: 70 }
    const defined = cache.define('d', definition)
    const options = { ttl: 60, tags: ['w'] }
    const with60 = defined.with(options)
    const inner = cache.namespace('n', options)
    for (const each of [defaults, policies['p:*'], definition, options]) {
      each.ttl = 1
      each.tags.push('late')
      ;(each as { tags: string[] }).tags = ['replaced']
    }
    definition.load = () => 'other'
    ;(policies as Record<string, unknown>)['*'] = { ttl: 1 }
    await cache.set('k', 1)
    await cache.set('p:k', 1)
    expect(await defined()).toBe('v')
    await inner.set('k', 1)
    expect((await cache.explain('k')).tags).toEqual(['t'])
    expect((await cache.explain('p:k')).tags).toEqual(['p'])
    expect((await cache.explain(defined.key())).tags).toEqual(['d', 't'])
    await clock.advance(49)
    expect([cache.peek('k'), cache.peek('p:k'), defined.peek(), inner.peek('k')]).toEqual([
      1,
      1,
      'v',
      1,
    ])
    await clock.advance(1)
    expect(cache.peek('p:k')).toBeUndefined()
    await clock.advance(10)
    expect(inner.peek('k')).toBeUndefined()
    expect(await with60()).toBe('v')
    const frozen = Object.freeze({ ttl: 10, tags: Object.freeze(['f']) })
    expect(await cache.wrap('f', () => 1, frozen)).toBe(1)
    await cache.wrapMany(Object.freeze(['g']), () => [1], frozen)
    await cache.delete(Object.freeze(['g']))
    expect((await cache.explain('f')).tags).toEqual(['f'])
  })

  it('of a call may change while its load runs', async () => {
    const { cache } = cacheOf()
    const { load, runs } = held<string>()
    const options = { ttl: 1_000, tags: ['before'] }
    const loading = cache.wrap('k', load, options)
    options.ttl = 0
    options.tags[0] = 'after'
    runs[0]?.resolve('v')
    await loading
    expect((await cache.explain('k')).tags).toEqual(['before'])
  })

  it('that are undefined are as if they were not there', async () => {
    const clock = fakeClock()
    const cache = createCache({
      clock,
      name: undefined,
      memory: undefined,
      defaults: { ttl: undefined },
      policies: undefined,
    })
    expect(
      await cache.wrap('k', () => 1, { ttl: undefined, tags: undefined, signal: undefined }),
    ).toBe(1)
    await clock.advance(1_000)
    expect(cache.peek('k')).toBe(1)
  })
})

describe('a namespace that says how its values are kept', () => {
  const bytes = () => Uint8Array.of(1, 2, 3)

  it('hands out the reference it keeps where it says shared, and its cache still copies', async () => {
    const cache = createCache()
    const shared = cache.namespace('shared', { ttl: '1m', values: 'shared' })
    const kept = await shared.wrap('a', bytes)
    expect(await shared.get('a')).toBe(kept)
    expect(
      await cache
        .namespace('shared')
        .namespace('inside')
        .wrap('a', () => kept),
    ).toBe(kept)
    const copied = await cache.wrap('a', bytes)
    expect(await cache.get('a')).not.toBe(copied)
    expect(await cache.get('a')).toEqual(copied)
  })

  it('hands out one reference also of what came from the store and of what was set', async () => {
    const backing = new MemoryBacking()
    const open = () =>
      createCache({ store: memoryStore({ backing }) }).namespace('n', { values: 'shared' })
    await open().wrap('a', bytes)
    const other = open()
    const read = await other.get('a')
    expect(read).toEqual(bytes())
    expect(await other.get('a')).toBe(read)
    const mine = bytes()
    await other.set('b', mine)
    expect(await other.get('b')).toBe(mine)
  })

  it('refuses an unknown word, and the word is no option of an entry', () => {
    const cache = createCache()
    expect(() => cache.namespace('n', { values: 'frozen' as 'shared' })).toThrow(
      /namespace defaults\.values.*'isolated', 'copied', 'shared'/,
    )
    expect(() => cache.namespace('n', null as never)).toThrow(/namespace defaults/)
  })
})
