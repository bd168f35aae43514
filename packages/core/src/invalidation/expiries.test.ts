import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Expiry, mostExpiries, withExpiry } from './expiries.ts'

const after = (times: readonly number[]) =>
  times.reduce<readonly Expiry<number>[]>((known, at, id) => withExpiry(known, id, at), [])

/** Since when something is stale that was loaded after the expiry `seen`, by the list. */
const since = (known: readonly Expiry<number>[], seen: number) =>
  known.find(({ id }) => id > seen)?.at

describe('the expiries of a tag', () => {
  it('are told apart while they are few', () => {
    expect(after([10, 20, 30])).toEqual([
      { id: 0, at: 10 },
      { id: 1, at: 20 },
      { id: 2, at: 30 },
    ])
  })

  it('of one import become one, and what came long before stays what it was', () => {
    const burst = Array.from({ length: 1_000 }, (_, index) => 50_000 + index)
    const known = after([10, 20_000, ...burst])
    expect(known).toHaveLength(mostExpiries)
    expect(since(known, -1)).toBe(10)
    expect(since(known, 0)).toBe(20_000)
    expect(since(known, 1)).toBe(50_000)
    expect(known.at(-1)?.id).toBe(1_001)
  })

  it('never make anything stale later than it was expired, and always make stale what is older than the last', () => {
    const times = fc
      .array(fc.nat({ max: 1_000 }), { minLength: 1, maxLength: 60 })
      .map((gaps) => gaps.map((_, index) => gaps.slice(0, index + 1).reduce((a, b) => a + b)))
    fc.assert(
      fc.property(times, (all) => {
        const known = after(all)
        expect(known.length).toBeLessThanOrEqual(mostExpiries)
        expect(known.at(-1)?.id).toBe(all.length - 1)
        all.forEach((at, id) => {
          expect(since(known, id - 1)).toBeLessThanOrEqual(at)
        })
        expect(since(known, all.length - 1)).toBeUndefined()
      }),
      { seed: 20_260_101 },
    )
  })

  it('that clocks put in another order keep the earlier instant', () => {
    const known = after([10, 9_000, 500, 20_000, 30_000, 40_000, 50_000, 60_000, 70_000])
    expect(known[1]).toEqual({ id: 2, at: 500 })
  })
})
