import fc from 'fast-check'
import { expect, it } from 'vitest'
import { PointRing } from './point-ring.ts'

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
        const ring = new PointRing({
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

it('holds indexes and points beyond 16 bits', () => {
  const count = 70_000
  const positions = Uint32Array.from({ length: count }, (_, i) => Math.imul(i, 0x9e3779b1))
  const ranks = Uint32Array.from({ length: count }, (_, i) => i)
  const ring = new PointRing({
    positions,
    ranks,
    indexOfRank: Array.from(ranks, (rank) => rank + 1),
  })
  for (let i = 0; i < count; i += 997) expect(ring.place(positions[i]! | 0)).toBe(i + 1)
  const lone = new PointRing({
    positions: Uint32Array.of(5),
    ranks: Uint32Array.of(0),
    indexOfRank: [69_999],
  })
  expect([0, 5, 6, -1].map((hash) => lone.place(hash))).toEqual(new Array(4).fill(69_999))
  expect([0, 5, 6, -1].map((hash) => lone.pointOf(hash))).toEqual([5, 5, 5, 5])
})
