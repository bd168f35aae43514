import type { Placement } from './placement.ts'

/** Points on a circle of 2^32, each owned by a server. */
export interface Points {
  /** Unsigned 32-bit positions, in any order. */
  readonly positions: Uint32Array
  /** For each position, who owns it, as a rank: on equal positions the lower rank wins. */
  readonly ranks: Uint32Array
  /** From rank to server index. */
  readonly indexOfRank: readonly number[]
}

const rankLimit = 2 ** 21

/**
 * A ring of points: a hash belongs to the first point at or after it, past the last point to the first. The points
 * are sorted once, and a table over the highest bits of the hash says where to begin, so that a lookup compares
 * with one or two points whatever the size of the ring.
 */
export function pointRing({ positions, ranks, indexOfRank }: Points): Placement {
  const count = positions.length
  // Position and rank in one number of 53 bits: sorting numbers is many times faster than sorting with a comparator.
  const sorted = new Float64Array(count)
  for (let i = 0; i < count; i++) sorted[i] = positions[i]! * rankLimit + ranks[i]!
  sorted.sort()

  const points = new Uint32Array(count)
  const owners = new Uint32Array(count + 1)
  for (let i = 0; i < count; i++) {
    const point = Math.floor(sorted[i]! / rankLimit)
    points[i] = point
    owners[i] = indexOfRank[sorted[i]! - point * rankLimit]!
  }
  owners[count] = owners[0]!

  const bits = Math.min(20, Math.max(1, Math.ceil(Math.log2(count)) + 1))
  const shift = 32 - bits
  const begins = new Uint32Array(2 ** bits + 1)
  for (let bucket = 0, at = 0; bucket <= 2 ** bits; bucket++) {
    while (at < count && points[at]! >>> shift < bucket) at++
    begins[bucket] = at
  }

  const find = (hash: number): number => {
    const position = hash >>> 0
    const bucket = position >>> shift
    const end = begins[bucket + 1]!
    let at = begins[bucket]!
    while (at < end && points[at]! < position) at++
    return at
  }
  return {
    place: (hash) => owners[find(hash)]!,
    pointOf: (hash) => points[find(hash) % count]!,
  }
}
