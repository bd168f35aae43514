import { describe, expect, it } from 'vitest'
import { createCache } from '../src/cache.ts'
import { ClosedError, InvalidOptionError } from '../src/errors.ts'
import type { CacheEvents } from '../src/observe/events.ts'
import type { CacheOptions, EntryOptions } from '../src/options/options.ts'
import { fakeClock } from '../src/testing/fake-clock.ts'
import { held, stateOf, turn } from './held.ts'

const tagged = { tags: ['t'] } as const

function cacheWith(defaults: EntryOptions = {}, options: CacheOptions = {}) {
  const clock = fakeClock()
  const cache = createCache({
    ...options,
    clock,
    defaults: { jitter: 0, earlyRefresh: false, ttl: '1h', ...defaults },
  })
  const outcomes: string[] = []
  for (const event of ['hit', 'stale', 'miss', 'refreshed'] as const)
    cache.on(event, ({ status }) => outcomes.push(status))
  return { clock, cache, outcomes }
}

const broken = () => Promise.reject(new Error('the origin is away'))

describe('expireTags', () => {
  it('makes everything under the tag stale at once: served within staleWhileRevalidate, and refreshed behind', async () => {
    const { cache, outcomes } = cacheWith({ staleWhileRevalidate: '1m' })
    for (const key of ['a', 'b', 'c']) await cache.set(key, 'old', tagged)
    await cache.set('other', 'old', { tags: ['u'] })
    await cache.expireTags(['t'])
    expect(await cache.get('a')).toBe('old')
    expect(cache.peek('b')).toBe('old')
    expect(await cache.wrap('a', () => 'new', tagged)).toBe('old')
    await turn()
    expect(await cache.wrap('a', () => 'never', tagged)).toBe('new')
    expect(await cache.get('other')).toBe('old')
    expect(outcomes).toEqual(['stale', 'stale', 'hit', 'hit'])
  })

  it('leaves nothing to serve where there is no window, and of a kept error', async () => {
    const { cache } = cacheWith({ errorTtl: '1h' })
    await cache.set('key', 'old', tagged)
    await expect(cache.wrap('error', broken, tagged)).rejects.toThrow('away')
    await cache.expireTags(['t'])
    expect(cache.peek('key')).toBeUndefined()
    expect(await cache.get('key')).toBeUndefined()
    expect((await cache.explain('key')).goneBecause).toBe('tag t')
    expect(await cache.wrap('error', () => 'new', tagged)).toBe('new')
  })

  it('lets a value stand in for a load that fails within staleIfError, counted from the call', async () => {
    const { cache, clock } = cacheWith({ staleIfError: '1m', retryAfterError: 0 })
    await cache.set('key', 'old', tagged)
    await clock.advance('10m')
    await cache.expireTags(['t'])
    expect(await cache.get('key')).toBeUndefined()
    expect(await cache.wrap('key', broken, tagged)).toBe('old')
    await clock.advance(59_999)
    expect(await cache.wrap('key', broken, tagged)).toBe('old')
    await clock.advance(1)
    await expect(cache.wrap('key', broken, tagged)).rejects.toThrow('away')
  })

  it('opens the windows once, however often it is called and whether or not anybody looked in between', async () => {
    const { cache, clock } = cacheWith({ staleWhileRevalidate: '1m' })
    for (const key of ['seen', 'unseen']) await cache.set(key, 'old', tagged)
    for (let calls = 0; calls < 30; calls++) {
      await cache.expireTags(['t'])
      expect(await cache.get('seen')).toBe('old')
      await clock.advance('2s')
    }
    for (const key of ['seen', 'unseen']) expect(await cache.get(key), key).toBeUndefined()
  })

  it('does not prolong what was stale already', async () => {
    const { cache, clock } = cacheWith({ ttl: '1m', staleIfError: '1m', retryAfterError: 0 })
    await cache.set('key', 'old', tagged)
    await clock.advance('61s')
    await cache.expireTags(['t'])
    expect(await cache.explain('key')).toMatchObject({ status: 'stale', staleBecause: 'ttl' })
    await clock.advance('58s')
    expect(await cache.wrap('key', broken, tagged)).toBe('old')
    await clock.advance('1s')
    await expect(cache.wrap('key', broken, tagged)).rejects.toThrow('away')
  })

  it('is worth a try at once, although one that failed had put off the next', async () => {
    const { cache, clock } = cacheWith({ ttl: '1m', staleIfError: '1m', retryAfterError: '30s' })
    await cache.set('key', 'old', tagged)
    await clock.advance('61s')
    expect(await cache.wrap('key', broken, tagged)).toBe('old')
    expect(await cache.wrap('key', () => 'too soon', tagged)).toBe('old')
    await cache.expireTags(['t'])
    expect(await cache.wrap('key', () => 'new', tagged)).toBe('new')
  })

  it('is not put off by a load that began before it and failed after it, although only the kept value has the tag', async () => {
    const { cache } = cacheWith({ staleIfError: '1m', retryAfterError: '30s' })
    await cache.set('key', 'old', tagged)
    const { load, runs } = held<string>()
    const refreshing = cache.wrap<string>('key', load, { refresh: true })
    await cache.expireTags(['t'])
    runs[0]?.reject(new Error('away'))
    expect(await refreshing).toBe('old')
    expect(await cache.wrap('key', () => 'new')).toBe('new')
  })

  it('keeps out a load that was under way, also one that names its tags at its end; its waiters keep their answer', async () => {
    const { cache } = cacheWith({ staleWhileRevalidate: '1m' })
    for (const names of ['before', 'late'] as const) {
      const { load, runs } = held<string>()
      const options = names === 'before' ? tagged : {}
      const first = cache.wrap<string>(
        names,
        ({ setTags }) => {
          if (names === 'late') setTags(['t'])
          return load()
        },
        options,
      )
      await cache.expireTags(['t'])
      const second = names === 'before' ? cache.wrap<string>(names, load, options) : undefined
      expect(runs).toHaveLength(second === undefined ? 1 : 2)
      runs[0]?.resolve('old')
      expect(await first).toBe('old')
      expect(cache.peek(names)).toBeUndefined()
      expect((await cache.explain(names)).notKeptBecause).toBe('fenced')
      runs[1]?.resolve('new')
      if (second !== undefined) expect(await second).toBe('new')
    }
    expect(cache.stats().fenced).toBe(2)
  })

  it('is never served to who began later by a refresh that began before', async () => {
    const { cache, clock } = cacheWith({ ttl: 100, staleWhileRevalidate: '1h' })
    await cache.set('key', 'first', tagged)
    await clock.advance(100)
    const { load, runs } = held<string>()
    expect(await cache.wrap('key', load, tagged)).toBe('first')
    await cache.expireTags(['t'])
    runs[0]?.resolve('from before')
    await turn()
    expect(await cache.wrap('key', () => 'new', tagged)).toBe('first')
    await turn()
    expect(await cache.get('key')).toBe('new')
  })

  it('acts on the namespace it is called on and those inside, and on no other', async () => {
    const { cache } = cacheWith()
    const a = cache.namespace('a')
    const all = { root: cache, a, inside: a.namespace('b'), beside: cache.namespace('c') }
    for (const each of Object.values(all)) await each.set('key', 'old', tagged)
    await a.expireTags(['t'])
    const left = Object.entries(all).flatMap(([name, each]) =>
      (each.peek('key') ?? false) ? name : [],
    )
    expect(left).toEqual(['root', 'beside'])
  })

  it('is told, counted and explained, and of what is sensitive without a name', async () => {
    const { cache, clock } = cacheWith({ staleWhileRevalidate: '1h' })
    const told: CacheEvents['invalidate'][] = []
    cache.on('invalidate', (event) => told.push(event))
    await cache.set('key', 'old', tagged)
    const secret = cache.namespace('secret', { sensitive: true })
    await secret.set('key', 'old', { ...tagged, ttl: '1m', staleWhileRevalidate: '1m' })
    const { invalidations } = cache.stats()
    told.length = 0
    await cache.expireTags(['t'])
    await clock.advance(500)
    expect(told).toEqual([{ cache: 'default', operation: 'expireTags', keys: [], tags: ['t'] }])
    expect(cache.stats().invalidations).toBe(invalidations + 1)
    const now = clock.now()
    expect(await cache.explain('key')).toMatchObject({
      status: 'stale',
      tier: 'near',
      staleBecause: 'tag t',
      staleAt: now - 500,
      expiresAt: now - 500 + 3_600_000,
      tags: ['t'],
    })
    expect((await secret.explain('key')).staleBecause).toMatch(/^tag sensitive:/)
  })

  it('refuses what is no list of tags, and a closed cache; no tags are nothing to do', async () => {
    const { cache } = cacheWith()
    for (const tags of ['t', undefined, [''], [1], { t: true }] as never[])
      await expect(cache.expireTags(tags)).rejects.toThrow(InvalidOptionError)
    await cache.set('key', 'kept', tagged)
    await cache.expireTags([])
    expect(cache.peek('key')).toBe('kept')
    await cache.close()
    await expect(cache.expireTags(['t'])).rejects.toThrow(ClosedError)
  })

  it('acts while the cache is off, and takes no memory for tags that nothing has', async () => {
    const { cache } = cacheWith()
    for (let tag = 0; tag < 1_000; tag++) await cache.expireTags([`tag ${tag}`])
    const { load, runs } = held<string>()
    const loading = cache.wrap<string>('key', load, tagged)
    cache.enabled = false
    await cache.expireTags(['t'])
    cache.enabled = true
    runs[0]?.resolve('old')
    expect(await stateOf(loading)).toBe('resolved')
    expect(cache.peek('key')).toBeUndefined()
  })
})
