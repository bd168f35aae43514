import type { Placement, RingMember } from './placement.ts'

const largestTable = 65_536

/**
 * The remainder of the hash by the number of slots, of which each server has as many as its weight, side by side.
 * A server more or less moves almost every key. Source: measured on nutcracker 0.5.0.
 */
export function modula(live: readonly RingMember[]): Placement {
  const ends: number[] = []
  let slots = 0
  for (const member of live) {
    slots += member.weight
    ends.push(slots)
  }
  const pointOf = (hash: number) => (hash >>> 0) % slots

  if (slots <= largestTable) {
    const owners = new Uint32Array(slots)
    live.forEach((member, i) => {
      owners.fill(member.index, ends[i]! - member.weight, ends[i])
    })
    // An unsigned 32-bit divisor, said so, spares a division of doubles.
    return { pointOf, place: (hash) => owners[(hash >>> 0) % (slots >>> 0)]! }
  }

  // Weights may reach 2^31-1: then the slots are searched, not laid out.
  return {
    pointOf,
    place(hash) {
      const slot = pointOf(hash)
      let low = 0
      let high = ends.length - 1
      while (low < high) {
        const middle = (low + high) >>> 1
        if (ends[middle]! > slot) high = middle
        else low = middle + 1
      }
      return live[low]!.index
    },
  }
}
