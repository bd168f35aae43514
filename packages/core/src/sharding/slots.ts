import { md5Words } from './hashes/md5.ts'
import { avalanche } from './hashes/murmur3.ts'
import type { Placement, RingMember } from './placement.ts'

/*
 * The default distribution. A ring of points is uneven: with 160 points a server the fullest of ten carries about
 * 10 % too much, and evenness costs points, which cost memory and time. Here the hash's highest bits name one of
 * 131,072 slots, and a table says whose it is. Lookup is one read, whatever the number of servers.
 *
 * Who owns a slot: every server calls slots, one after the other, by a pseudo-random sequence of its own that depends
 * on nothing but its name; its k-th call is made at time k / weight. A slot belongs to whoever called it first.
 * So the owner of a slot is decided between pairs of servers, by name and weight alone:
 * - the order of the list changes nothing,
 * - a server that leaves gives up its own slots and no other slot moves (the others' calls stay where they were),
 * - a server that joins takes slots from the others and moves none between them,
 * - the expected share of a server is its weight's share, with a deviation of sqrt(servers / slots): 0.9 % for 10
 *   servers, 2.8 % for 100.
 * About slots * ln(slots) calls fill the table, however many servers share them: a few milliseconds.
 * Numbers and rejected alternatives: docs/decisions/0011-default-ring.md.
 */

const slotBits = 17
const slotCount = 2 ** slotBits
const encoder = new TextEncoder()

/**
 * The even, shape-keeping table of slots. `live` must be in name order: it decides the calls made at the same time.
 * `wellMixed` says that the hash's highest bits are as good as any; others are mixed first.
 */
export class Slots implements Placement {
  readonly #owners: Uint8Array | Uint16Array | Uint32Array
  readonly #wellMixed: boolean

  constructor(live: readonly RingMember[], wellMixed: boolean) {
    this.#owners = fill(live)
    this.#wellMixed = wellMixed
  }

  place(hash: number): number {
    return this.#owners[this.pointOf(hash)]!
  }

  pointOf(hash: number): number {
    return (this.#wellMixed ? hash : avalanche(hash)) >>> (32 - slotBits)
  }
}

function fill(live: readonly RingMember[]): Uint8Array | Uint16Array | Uint32Array {
  const largestIndex = live.reduce((largest, { index }) => Math.max(largest, index), 0)
  // The narrowest table stays in the processor's nearest caches.
  const Table =
    largestIndex < 2 ** 8 ? Uint8Array : largestIndex < 2 ** 16 ? Uint16Array : Uint32Array
  const owners = new Table(slotCount)
  const only = live.length === 1 ? live[0] : undefined
  if (only !== undefined) return owners.fill(only.index)

  const calledAt = new Float64Array(slotCount).fill(Number.POSITIVE_INFINITY)
  const callers = live.map(({ ringName, weight, index }) => {
    const name = encoder.encode(ringName)
    const words = new Int32Array(4)
    md5Words(name, 0, name.length, words)
    return { start: words[0]!, salt: words[1]!, weight, index, calls: 0 }
  })
  const totalWeight = callers.reduce((sum, { weight }) => sum + weight, 0)

  // Time advances in rounds short enough that late rounds, where nearly all calls come too late, are not overdone.
  const round = slotCount / 8 / totalWeight
  let free = slotCount
  for (let end = round; free > 0; end += round) {
    for (const caller of callers) {
      const { start, salt, weight, index } = caller
      let call = caller.calls
      for (let time = (call + 1) / weight; time < end; time = (++call + 1) / weight) {
        const slot = slotOf(start, salt, call)
        const earlier = calledAt[slot]!
        if (time >= earlier) continue
        if (earlier === Number.POSITIVE_INFINITY) free--
        calledAt[slot] = time
        owners[slot] = index
      }
      caller.calls = call
    }
  }
  return owners
}

// The salt enters between two mixings: were it only added to the counter, two servers would run along the same
// sequence, one behind the other.
function slotOf(start: number, salt: number, call: number): number {
  const counted = (start + Math.imul(call, 0x9e3779b1)) | 0
  return avalanche(Math.imul(counted ^ (counted >>> 15), 0x2c1b3c6d) ^ salt) >>> (32 - slotBits)
}
