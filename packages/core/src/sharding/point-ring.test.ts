import fc from 'fast-check'
import { expect, it } from 'vitest'
import { pointRing } from './point-ring.ts'

const word = fc.integer({ min: 0, max: 0xffffffff })

/** The definition, without any table. */
function search(positions: readonly number[], ranks: readonly number[], hash: number) {
  const sorted = positions
    .map((position, i) => ({ position, rank: ranks[i]! }))
    .sort((a, b) => a.position - b.position || a.rank - b.rank)
  return sorted.find(({ position }) => position >= hash) ?? sorted[0]!
}

it('finds the first point at or after the hash, of equal points the lower rank', () => {
  const point = fc.tuple(
    fc.oneof(word, fc.integer({ min: 0, max: 8 })),
    fc.integer({ min: 0, max: 5 }),
  )
  fc.assert(
    fc.property(
      fc.array(point, { minLength: 1, maxLength: 300 }),
      fc.array(word),
      (points, hashes) => {
        const positions = points.map(([position]) => position)
        const ranks = points.map(([, rank]) => rank)
        const ring = pointRing({
          positions: Uint32Array.from(positions),
          ranks: Uint32Array.from(ranks),
          indexOfRank: [10, 11, 12, 13, 14, 15],
        })
        for (const hash of [...hashes, ...positions, 0, 0xffffffff]) {
          const found = search(positions, ranks, hash)
          expect(ring.place(hash | 0)).toBe(10 + found.rank)
          expect(ring.pointOf(hash | 0)).toBe(found.position)
        }
      },
    ),
    { numRuns: 200 },
  )
})
