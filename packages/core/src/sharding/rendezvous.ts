import { md5Words } from './hashes/md5.ts'
import { avalanche } from './hashes/murmur3.ts'
import type { Placement, RingMember } from './placement.ts'

const encoder = new TextEncoder()

/**
 * Rendezvous hashing: each server scores the key's hash, the best score takes the key. A server that leaves moves
 * its own keys and no others; a lookup costs a few nanoseconds a server. With weights the score is
 * -ln(u) / weight, and the lowest wins. Source: Thaler and Ravishankar, "Using name-based mappings to increase
 * hit rates" (1998); weights: Schindelhauer and Schomaker, "Weighted distributed hash tables" (2005).
 */
export function rendezvous(live: readonly RingMember[]): Placement {
  const salts = new Int32Array(live.length)
  const words = new Int32Array(4)
  live.forEach((member, rank) => {
    const name = encoder.encode(member.ringName)
    md5Words(name, 0, name.length, words)
    salts[rank] = words[0]!
  })
  const indexes = Uint32Array.from(live, (member) => member.index)
  const scoreOf = (hash: number, rank: number) => avalanche(hash ^ salts[rank]!) >>> 0

  const weights = Float64Array.from(live, (member) => member.weight)
  const winner = weights.every((weight) => weight === weights[0])
    ? (hash: number) => {
        let best = 0
        let bestScore = -1
        for (let rank = 0; rank < salts.length; rank++) {
          const score = scoreOf(hash, rank)
          if (score > bestScore) {
            best = rank
            bestScore = score
          }
        }
        return best
      }
    : (hash: number) => {
        let best = 0
        let lowestCost = Number.POSITIVE_INFINITY
        for (let rank = 0; rank < salts.length; rank++) {
          const cost = negativeLog2(scoreOf(hash, rank)) / weights[rank]!
          if (cost < lowestCost) {
            best = rank
            lowestCost = cost
          }
        }
        return best
      }
  return {
    place: (hash) => indexes[winner(hash)]!,
    pointOf: (hash) => scoreOf(hash, winner(hash)),
  }
}

/**
 * -log2((score + 0.5) / 2^32), of sums and products only: engines may differ in the last bit of `Math.log`, and
 * processes on different engines must agree on every key. Exact to about 1e-9.
 */
export function negativeLog2(score: number): number {
  const shifted = score + 0.5
  const exponent = score === 0 ? -1 : 31 - Math.clz32(score)
  const mantissa = shifted / 2 ** exponent
  const s = (mantissa - 1) / (mantissa + 1)
  const square = s * s
  let sum = 0
  for (let odd = 19; odd >= 1; odd -= 2) sum = sum * square + 1 / odd
  return 32 - exponent - 2 * Math.LOG2E * s * sum
}
