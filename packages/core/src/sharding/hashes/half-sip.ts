import { hashEncoded, type KeyHash } from './key-hash.ts'

/**
 * HalfSipHash-1-3 under a 64-bit key: a keyed hash built to stay unpredictable for somebody who chooses the
 * inputs but does not know the key, at about the cost of an unkeyed one. MurmurHash with a secret seed would not
 * do: it has inputs that collide under every seed. Source: Aumasson and Bernstein, "SipHash: a fast short-input
 * PRF" (2012), and its 32-bit variant, which Linux uses for its own hash tables (`hsiphash`).
 *
 * The round is written out wherever it runs: a state of four words does not fit a function's result, and in memory
 * it would cost more than the round. The `| 0` where the state is read tells the compiler that it is 32-bit numbers
 * from the start; without them a lookup takes twice as long.
 */
export class HalfSip implements KeyHash {
  readonly #v0: number
  readonly #v1: number
  readonly #v2: number
  readonly #v3: number

  constructor(key0: number, key1: number) {
    this.#v0 = key0 | 0
    this.#v1 = key1 | 0
    this.#v2 = 0x6c796765 ^ key0
    this.#v3 = 0x74656462 ^ key1
  }

  bytes(key: Uint8Array, start: number, end: number): number {
    const body = start + ((end - start) & ~3)
    let v0 = this.#v0 | 0
    let v1 = this.#v1 | 0
    let v2 = this.#v2 | 0
    let v3 = this.#v3 | 0
    for (let i = start; i < body; i += 4) {
      const word = key[i]! | (key[i + 1]! << 8) | (key[i + 2]! << 16) | (key[i + 3]! << 24)
      v3 ^= word
      v0 = (v0 + v1) | 0
      v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0
      v0 = (v0 << 16) | (v0 >>> 16)
      v2 = (v2 + v3) | 0
      v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2
      v0 = (v0 + v3) | 0
      v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0
      v2 = (v2 + v1) | 0
      v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2
      v2 = (v2 << 16) | (v2 >>> 16)
      v0 ^= word
    }
    let last = (end - start) << 24
    for (let i = body; i < end; i++) last |= key[i]! << ((i - body) << 3)
    return finish(v0, v1, v2, v3, last)
  }

  text(key: string, start: number, end: number): number {
    const body = start + ((end - start) & ~3)
    let v0 = this.#v0 | 0
    let v1 = this.#v1 | 0
    let v2 = this.#v2 | 0
    let v3 = this.#v3 | 0
    let units = 0
    for (let i = start; i < body; i += 4) {
      const a = key.charCodeAt(i)
      const b = key.charCodeAt(i + 1)
      const c = key.charCodeAt(i + 2)
      const d = key.charCodeAt(i + 3)
      units |= a | b | c | d
      const word = a | (b << 8) | (c << 16) | (d << 24)
      v3 ^= word
      v0 = (v0 + v1) | 0
      v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0
      v0 = (v0 << 16) | (v0 >>> 16)
      v2 = (v2 + v3) | 0
      v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2
      v0 = (v0 + v3) | 0
      v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0
      v2 = (v2 + v1) | 0
      v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2
      v2 = (v2 << 16) | (v2 >>> 16)
      v0 ^= word
    }
    let last = (end - start) << 24
    for (let i = body; i < end; i++) {
      const unit = key.charCodeAt(i)
      units |= unit
      last |= unit << ((i - body) << 3)
    }
    if (units > 0x7f) return hashEncoded(this, key, start, end)
    return finish(v0, v1, v2, v3, last)
  }
}

/** The last word, then three rounds: four rounds in all, after the first of which 0xff is mixed in. */
function finish(from0: number, from1: number, from2: number, from3: number, last: number): number {
  let v0 = from0 | 0
  let v1 = from1 | 0
  let v2 = from2 | 0
  let v3 = from3 ^ last
  for (let round = 0; round < 4; round++) {
    v0 = (v0 + v1) | 0
    v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0
    v0 = (v0 << 16) | (v0 >>> 16)
    v2 = (v2 + v3) | 0
    v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2
    v0 = (v0 + v3) | 0
    v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0
    v2 = (v2 + v1) | 0
    v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2
    v2 = (v2 << 16) | (v2 >>> 16)
    if (round === 0) {
      v0 ^= last
      v2 ^= 0xff
    }
  }
  return v1 ^ v3
}
