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
// A table of at most four megabytes, and that only for more than some hundred servers.
const mostArcBits = 20

/**
 * A ring of points: a hash belongs to the first point at or after it, past the last point to the first.
 *
 * The circle is cut into arcs, by the highest bits, about eight to a point. Most arcs hold no point and so belong to
 * one server as a whole: then a table has the answer. The others name the first point in question. Compared with
 * a search among the points this is one read instead of several and a branch that is nearly always the same.
 */
export class PointRing implements Placement {
  /** Sorted, and a last one that no hash is beyond. */
  readonly #points: Uint32Array
  /** By point; past the last one the first owner follows. */
  readonly #owners: Uint16Array | Uint32Array
  /** By arc: its owner, or, from `#contested` on, the number of its first point. */
  readonly #arcs: Uint16Array | Uint32Array
  readonly #contested: number
  readonly #shift: number

  constructor({ positions, ranks, indexOfRank }: Points) {
    const count = positions.length
    // Position and rank in one number of 53 bits: sorting numbers is many times faster than sorting with a comparator.
    const sorted = new Float64Array(count)
    for (let i = 0; i < count; i++) sorted[i] = positions[i]! * rankLimit + ranks[i]!
    sorted.sort()

    // Half the width for all but huge rings: how much of the tables is in the nearest caches decides the time.
    const highest = indexOfRank.reduce((most, index) => Math.max(most, index), count)
    const narrow = highest < 2 ** 15
    const Table = narrow ? Uint16Array : Uint32Array
    const contested = narrow ? 2 ** 15 : 2 ** 31

    const points = new Uint32Array(count + 1)
    const owners = new Table(count + 1)
    for (let i = 0; i < count; i++) {
      const point = Math.floor(sorted[i]! / rankLimit)
      points[i] = point
      owners[i] = indexOfRank[sorted[i]! - point * rankLimit]!
    }
    points[count] = 0xffffffff
    owners[count] = owners[0]!

    const bits = Math.min(mostArcBits, Math.ceil(Math.log2(count)) + 3)
    const shift = 32 - bits
    const arcs = new Table(2 ** bits)
    let at = 0
    for (let arc = 0; arc < arcs.length; arc++) {
      const first = at
      while (at < count && points[at]! >>> shift === arc) at++
      arcs[arc] = first === at ? owners[first]! : contested + first
    }

    this.#points = points
    this.#owners = owners
    this.#arcs = arcs
    this.#contested = contested
    this.#shift = shift
  }

  place(hash: number): number {
    const position = hash >>> 0
    const arc = this.#arcs[position >>> (this.#shift | 0)]!
    if (arc < this.#contested) return arc
    const points = this.#points
    let at = arc - this.#contested
    while (points[at]! < position) at++
    return this.#owners[at]!
  }

  pointOf(hash: number): number {
    const position = hash >>> 0
    let low = 0
    let high = this.#points.length - 1
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#points[middle]! < position) low = middle + 1
      else high = middle
    }
    // The last one only ends the search.
    return this.#points[low === this.#points.length - 1 ? 0 : low]!
  }
}
