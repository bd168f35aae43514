import { describe, expect, it } from 'vitest'
import { type Freshness, freshness } from './freshness.ts'

const at = (life: { swrMs?: number; sieMs?: number; ageAt?: number }, now: number): Freshness =>
  freshness({ staleAt: 100, swrMs: 0, sieMs: 0, ageAt: undefined, ...life }, now)

describe('freshness', () => {
  it.each<[string, { swrMs?: number; sieMs?: number; ageAt?: number }, [number, Freshness][]]>([
    [
      'without windows',
      {},
      [
        [99, 'fresh'],
        [100, 'gone'],
      ],
    ],
    [
      'staleWhileRevalidate',
      { swrMs: 50 },
      [
        [100, 'stale-while-revalidate'],
        [149, 'stale-while-revalidate'],
        [150, 'gone'],
      ],
    ],
    [
      'staleIfError',
      { sieMs: 50 },
      [
        [100, 'stale-if-error'],
        [149, 'stale-if-error'],
        [150, 'gone'],
      ],
    ],
    [
      'both, side by side',
      { swrMs: 20, sieMs: 50 },
      [
        [119, 'stale-while-revalidate'],
        [120, 'stale-if-error'],
        [150, 'gone'],
      ],
    ],
    [
      'a longer staleWhileRevalidate',
      { swrMs: 50, sieMs: 20 },
      [
        [149, 'stale-while-revalidate'],
        [150, 'gone'],
      ],
    ],
    ['a window without end', { sieMs: Number.POSITIVE_INFINITY }, [[1e12, 'stale-if-error']]],
    [
      'maxAge before the ttl',
      { ageAt: 60, swrMs: 50 },
      [
        [59, 'fresh'],
        [60, 'gone'],
        [110, 'gone'],
      ],
    ],
    [
      'maxAge within a window',
      { ageAt: 110, swrMs: 50 },
      [
        [109, 'stale-while-revalidate'],
        [110, 'gone'],
      ],
    ],
  ])('of an entry is told edge by edge: %s', (_what, life, edges) => {
    for (const [now, state] of edges) expect([now, at(life, now)]).toEqual([now, state])
  })

  it('of an entry that never expires is fresh for ever', () => {
    const life = { staleAt: Number.POSITIVE_INFINITY, swrMs: 0, sieMs: 0, ageAt: undefined }
    expect(freshness(life, Number.MAX_SAFE_INTEGER)).toBe('fresh')
  })
})
