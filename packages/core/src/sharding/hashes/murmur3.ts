import { hashEncoded, type KeyHash } from './key-hash.ts'

const scatter = (word: number): number => {
  const mixed = Math.imul(word, 0xcc9e2d51)
  return Math.imul((mixed << 15) | (mixed >>> 17), 0x1b873593)
}
const absorb = (hash: number, word: number): number => {
  const mixed = hash ^ scatter(word)
  return (Math.imul((mixed << 13) | (mixed >>> 19), 5) + 0xe6546b64) | 0
}

/** The finalizer of MurmurHash3: spreads every bit of a word over all 32. Source: Appleby, MurmurHash3. */
export function avalanche(word: number): number {
  let hash = Math.imul(word ^ (word >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return hash ^ (hash >>> 16)
}

/**
 * MurmurHash3_x86_32, seeded with a factor times the length of the key: 0 in pymemcache, 0xdeadbeef in
 * libmemcached. Source: Austin Appleby, MurmurHash3.
 */
export class Murmur3 implements KeyHash {
  readonly #seedFactor: number

  constructor(seedFactor = 0) {
    this.#seedFactor = seedFactor | 0
  }

  bytes(key: Uint8Array, start: number, end: number): number {
    const length = end - start
    const body = start + (length & ~3)
    let hash = Math.imul(this.#seedFactor, length)
    for (let i = start; i < body; i += 4) {
      const word = key[i]! | (key[i + 1]! << 8) | (key[i + 2]! << 16) | (key[i + 3]! << 24)
      hash = absorb(hash, word)
    }
    let tail = 0
    for (let i = body; i < end; i++) tail |= key[i]! << ((i - body) << 3)
    return avalanche(hash ^ scatter(tail) ^ length)
  }

  text(key: string, start: number, end: number): number {
    const length = end - start
    const body = start + (length & ~3)
    let hash = Math.imul(this.#seedFactor, length)
    let units = 0
    for (let i = start; i < body; i += 4) {
      const a = key.charCodeAt(i)
      const b = key.charCodeAt(i + 1)
      const c = key.charCodeAt(i + 2)
      const d = key.charCodeAt(i + 3)
      units |= a | b | c | d
      hash = absorb(hash, a | (b << 8) | (c << 16) | (d << 24))
    }
    let tail = 0
    for (let i = body; i < end; i++) {
      const unit = key.charCodeAt(i)
      units |= unit
      tail |= unit << ((i - body) << 3)
    }
    if (units > 0x7f) return hashEncoded(this, key, start, end)
    return avalanche(hash ^ scatter(tail) ^ length)
  }
}
