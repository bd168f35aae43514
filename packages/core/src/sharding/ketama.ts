import { hashEncoded, type KeyHash } from './hashes/key-hash.ts'
import { md5Words } from './hashes/md5.ts'
import type { Placement, RingMember } from './placement.ts'
import { PointRing } from './point-ring.ts'

const digestsPerMeanWeight = 40
const pointsPerDigest = 4
const plainPointsPerServer = 100

/**
 * How many MD5 digests, of four points each, a server gets. Every step is rounded to 32-bit floats, as in the C code
 * of twemproxy and libmemcached: without that 25, 47, 50, 55 or 61 equal servers would get 40 digests where they
 * get 39. May be 0. Source: measured on nutcracker 0.5.0.
 */
export function digestsOf(weight: number, totalWeight: number, serverCount: number): number {
  const share = Math.fround(Math.fround(weight) / Math.fround(totalWeight))
  const perServer = Math.fround(Math.fround(share * (digestsPerMeanWeight * pointsPerDigest)) / 4)
  return Math.floor(Math.fround(Math.fround(perServer * Math.fround(serverCount)) + 1e-10))
}

/**
 * The weighted ketama ring of twemproxy and libmemcached. `live` are the servers that get points, in order of
 * precedence; `counted` those among which the weights are shared out. Where the two differ, the ring keeps its
 * shape: a server that is out takes its points with it and changes nobody else's.
 */
export function weightedKetama(
  counted: readonly RingMember[],
  live: readonly RingMember[],
): Placement {
  const totalWeight = counted.reduce((sum, member) => sum + member.weight, 0)
  const digests = live.map((member) => digestsOf(member.weight, totalWeight, counted.length))
  const count = pointsPerDigest * digests.reduce((sum, each) => sum + each, 0)
  const positions = new Uint32Array(count)
  const ranks = new Uint32Array(count)
  const words = new Int32Array(pointsPerDigest)
  let at = 0
  live.forEach((member, rank) => {
    const label = new NumberedLabel(member.ringName)
    for (let i = 0; i < digests[rank]!; i++) {
      md5Words(label.bytes, 0, label.write(i), words)
      for (const word of words) {
        positions[at] = word
        ranks[at++] = rank
      }
    }
  })
  return new PointRing({ positions, ranks, indexOfRank: live.map((member) => member.index) })
}

/** libmemcached's ring without weights: 100 points a server, each the key hash of `name-0` to `name-99`. */
export function plainKetama(live: readonly RingMember[], keyHash: KeyHash): Placement {
  const positions = new Uint32Array(live.length * plainPointsPerServer)
  const ranks = new Uint32Array(positions.length)
  live.forEach((member, rank) => {
    for (let i = 0; i < plainPointsPerServer; i++) {
      const label = `${member.ringName}-${i}`
      const at = rank * plainPointsPerServer + i
      positions[at] = hashEncoded(keyHash, label, 0, label.length)
      ranks[at] = rank
    }
  })
  return new PointRing({ positions, ranks, indexOfRank: live.map((member) => member.index) })
}

const digit0 = 48
const longestNumber = 10

/** The bytes of `name-0`, `name-1` … in one buffer, for the thousands of labels a ring digests. */
class NumberedLabel {
  readonly bytes: Uint8Array
  readonly #prefixLength: number

  constructor(name: string) {
    const prefix = new TextEncoder().encode(`${name}-`)
    this.#prefixLength = prefix.length
    this.bytes = new Uint8Array(prefix.length + longestNumber)
    this.bytes.set(prefix)
  }

  /** Writes the number after the name and returns where the label ends. */
  write(number: number): number {
    let digits = 1
    for (let rest = number; rest >= 10; rest = Math.floor(rest / 10)) digits++
    const end = this.#prefixLength + digits
    for (let i = end - 1, rest = number; i >= this.#prefixLength; i--) {
      this.bytes[i] = digit0 + (rest % 10)
      rest = Math.floor(rest / 10)
    }
    return end
  }
}
