import { describe, expect, it } from 'vitest'
import { createCache } from '../cache.ts'
import { InvalidOptionError } from '../errors.ts'
import type { MemoryOptions } from '../options/options.ts'
import { fakeClock } from '../testing/fake-clock.ts'

function cacheOf(memory: MemoryOptions) {
  const evicted: string[] = []
  const cache = createCache({ clock: fakeClock(), memory, defaults: { jitter: 0 } })
  cache.on('evict', ({ key }) => evicted.push(key))
  const kept = () => ['a', 'b', 'c', 'd'].filter((key) => cache.peek(key) !== undefined)
  return { cache, evicted, kept }
}

describe('the near tier', () => {
  it('lets the least recently used entry go first; a peek is no use', async () => {
    const { cache, evicted, kept } = cacheOf({ maxEntries: 2 })
    await cache.set('a', 1)
    await cache.set('b', 1)
    await cache.get('a')
    cache.peek('b')
    await cache.set('c', 1)
    expect(kept()).toEqual(['a', 'c'])
    expect(evicted).toEqual(['b'])
  })

  it("with eviction 'fifo' lets the first one in go first, however much it is used", async () => {
    const { cache, kept } = cacheOf({ maxEntries: 2, eviction: 'fifo' })
    await cache.set('a', 1)
    await cache.set('b', 1)
    for (let use = 0; use < 3; use++) await cache.wrap('a', () => 2)
    await cache.set('c', 1)
    expect(kept()).toEqual(['b', 'c'])
  })

  it('keeps within its bytes', async () => {
    const { cache, evicted } = cacheOf({ maxBytes: 10_000, maxEntries: Number.POSITIVE_INFINITY })
    for (let key = 0; key < 100; key++) await cache.set(`k${key}`, 'x'.repeat(1_000))
    const { bytes, entries, evictions } = cache.stats()
    expect(bytes).toBeLessThanOrEqual(10_000)
    expect(entries).toBeGreaterThan(2)
    expect(evictions).toBe(100 - entries)
    expect(evicted).toHaveLength(evictions)
  })

  it('does not keep a value that alone is larger, drops what was there, and evicts nobody for it', async () => {
    const { cache, kept } = cacheOf({ maxBytes: 5_000 })
    await cache.set('a', 1)
    await cache.set('b', 1)
    await cache.set('b', 'x'.repeat(10_000), { tags: ['t'] })
    expect(kept()).toEqual(['a'])
    expect((await cache.explain('b')).notKeptBecause).toBe('too-large')
    expect(cache.stats().evictions).toBe(0)
  })

  it('tells of evictions alone: not of what is deleted, replaced, expired or cleared', async () => {
    const { cache, evicted } = cacheOf({ maxEntries: 10 })
    await cache.set('a', 1)
    await cache.set('a', 2)
    await cache.delete('a')
    await cache.set('b', 1)
    await cache.expire('b')
    await cache.set('c', 1)
    await cache.clear()
    expect(evicted).toEqual([])
    expect(cache.stats().evictions).toBe(0)
  })

  it('has bounds by default: 10,000 entries and a share of the heap', async () => {
    const { cache } = cacheOf({})
    await cache.setMany(Array.from({ length: 10_001 }, (_, index) => [`k${index}`, 1] as const))
    expect(cache.stats().entries).toBe(10_000)
    expect(() => cacheOf({ maxBytes: 0 })).toThrow(InvalidOptionError)
  })

  it('may be left out: everything is loaded, joined, and not kept', async () => {
    const cache = createCache({ clock: fakeClock(), memory: false })
    let runs = 0
    const load = async () => ++runs
    expect(await Promise.all([cache.wrap('k', load), cache.wrap('k', load)])).toEqual([1, 1])
    expect(await cache.wrap('k', load)).toBe(2)
    await cache.set('k', 3)
    expect([cache.peek('k'), await cache.get('k')]).toEqual([undefined, undefined])
    expect(await cache.explain('k')).toMatchObject({ status: 'absent', tier: undefined })
    expect(cache.stats()).toMatchObject({ entries: 0, bytes: 0 })
    for (const act of [
      cache.delete('k'),
      cache.expire('k'),
      cache.clear(),
      cache.invalidateTags(['t']),
    ])
      await act
  })
})
