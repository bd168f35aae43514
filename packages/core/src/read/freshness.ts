/** What a read may do with an entry at one instant. */
export type Freshness = 'fresh' | 'stale-while-revalidate' | 'stale-if-error' | 'gone'

export interface Life {
  readonly staleAt: number
  readonly swrMs: number
  readonly sieMs: number
  readonly ageAt: number | undefined
}

/**
 * Fresh until `staleAt`; from there both windows of RFC 5861 run side by side, and while both are open the one
 * that makes nobody wait wins. After both, or once the near tier's `maxAge` has passed, the entry is gone.
 */
export function freshness(life: Life, now: number): Freshness {
  if (life.ageAt !== undefined && now >= life.ageAt) return 'gone'
  if (now < life.staleAt) return 'fresh'
  if (now < life.staleAt + life.swrMs) return 'stale-while-revalidate'
  if (now < life.staleAt + life.sieMs) return 'stale-if-error'
  return 'gone'
}
