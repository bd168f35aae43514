import { seededRandom } from './seeded-random.ts'

/** When a fault strikes: all given conditions have to hold. A fault without conditions strikes every time. */
export interface FaultTiming {
  /** The 1-based number of the call, counted per operation; `{ from, to }` inclusive, `{ every }` a multiple. */
  readonly nth?: number | { readonly from?: number; readonly to?: number; readonly every?: number }
  /** The share of calls that are struck, drawn from the script's seed. Default 1. */
  readonly probability?: number
}

/** Counts calls and draws chances for one script. */
export class FaultDice {
  readonly #random: () => number
  readonly #calls = new Map<string, number>()

  constructor(seed: number) {
    this.#random = seededRandom(seed)
  }

  /** Counts a call of `operation` and answers its number. */
  count(operation: string): number {
    const nth = (this.#calls.get(operation) ?? 0) + 1
    this.#calls.set(operation, nth)
    return nth
  }

  strikes(timing: FaultTiming, call: number): boolean {
    if (!matchesNth(timing.nth, call)) return false
    return timing.probability === undefined || this.#random() < timing.probability
  }

  /** The bytes with `flips` of their bits turned over; an empty value gets a byte it never had. */
  damage(bytes: Uint8Array, flips: number): Uint8Array {
    if (bytes.byteLength === 0) return Uint8Array.of(Math.floor(this.#random() * 256))
    const damaged = new Uint8Array(bytes)
    const flipped = new Set<number>()
    const bits = bytes.byteLength * 8
    while (flipped.size < Math.min(flips, bits)) flipped.add(Math.floor(this.#random() * bits))
    for (const bit of flipped) damaged[bit >>> 3]! ^= 1 << (bit & 7)
    return damaged
  }
}

function matchesNth(nth: FaultTiming['nth'], call: number): boolean {
  if (nth === undefined) return true
  if (typeof nth === 'number') return call === nth
  const { from = 1, to = Number.POSITIVE_INFINITY, every = 1 } = nth
  return call >= from && call <= to && call % every === 0
}
