import { ByteWiseHash } from './key-hash.ts'

const multiplier = 0x5bd1e995

/**
 * MurmurHash2, 32 bits, seeded with 0xdeadbeef times the length, as twemproxy and libmemcached do. Source: Austin
 * Appleby, MurmurHash2; seed measured on nutcracker 0.5.0.
 */
export class Murmur2 extends ByteWiseHash {
  override bytes(key: Uint8Array, start: number, end: number): number {
    const length = end - start
    const body = start + (length & ~3)
    let hash = Math.imul(0xdeadbeef, length) ^ length
    for (let i = start; i < body; i += 4) {
      let word = key[i]! | (key[i + 1]! << 8) | (key[i + 2]! << 16) | (key[i + 3]! << 24)
      word = Math.imul(word, multiplier)
      word = Math.imul(word ^ (word >>> 24), multiplier)
      hash = Math.imul(hash, multiplier) ^ word
    }
    const tail = length & 3
    if (tail > 0) {
      if (tail === 3) hash ^= key[body + 2]! << 16
      if (tail >= 2) hash ^= key[body + 1]! << 8
      hash = Math.imul(hash ^ key[body]!, multiplier)
    }
    hash = Math.imul(hash ^ (hash >>> 13), multiplier)
    return hash ^ (hash >>> 15)
  }
}
