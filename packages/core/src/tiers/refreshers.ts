import { LRUCache } from 'lru-cache'
import type { Clock } from '../clock.ts'
import type { Codec } from '../entry/codec.ts'
import { decodeEntry } from '../entry/envelope.ts'
import type { Stamp } from '../entry/head.ts'
import { type Claims, silenceMs } from './claims.ts'

const remembered = 1_000

/** The last sign of life of those who refresh elsewhere: a stale value stays readable however long they are silent. */
export class Refreshers {
  readonly #clock: Clock
  readonly #codec: Codec
  readonly #claims: Claims
  readonly #seen = new LRUCache<
    string,
    { readonly stamp: Stamp; readonly beat: number; readonly seenAt: number }
  >({ max: remembered })

  constructor(clock: Clock, codec: Codec, claims: Claims) {
    this.#clock = clock
    this.#codec = codec
    this.#claims = claims
  }

  /** Whether what stands in the place of a claim on a refresh keeps nobody from the next try. */
  isFree(side: string, bytes: Uint8Array): boolean {
    const there = decodeEntry(bytes, side, this.#codec)
    if (there instanceof Promise || there.kind !== 'claim') return true
    if (this.#claims.isForsaken(there.stamp)) return true
    const now = this.#clock.monotonic()
    const seen = this.#seen.get(side)
    if (seen?.stamp !== there.stamp || seen.beat !== there.beat) {
      this.#seen.set(side, { stamp: there.stamp, beat: there.beat, seenAt: now })
      return false
    }
    return now - seen.seenAt >= silenceMs
  }

  /** This process refreshes it now. */
  forget(side: string): void {
    this.#seen.delete(side)
  }
}
