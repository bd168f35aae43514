import { ByteWiseHash } from './key-hash.ts'

/**
 * Paul Hsieh's SuperFastHash from 0. Only the third byte of a three-byte tail is a C `char`; the byte of a
 * one-byte tail is unsigned everywhere. Source: measured on nutcracker 0.5.0.
 */
export class Hsieh extends ByteWiseHash {
  readonly #unusedBits: number

  constructor(signed: boolean) {
    super()
    this.#unusedBits = signed ? 24 : 0
  }

  override bytes(key: Uint8Array, start: number, end: number): number {
    const unusedBits = this.#unusedBits | 0
    const length = end - start
    if (length === 0) return 0
    const body = start + (length & ~3)
    const pair = (at: number) => key[at]! | (key[at + 1]! << 8)
    let hash = 0
    for (let i = start; i < body; i += 4) {
      hash = (hash + pair(i)) | 0
      hash = (hash << 16) ^ ((pair(i + 2) << 11) ^ hash)
      hash = (hash + (hash >>> 11)) | 0
    }
    switch (length & 3) {
      case 3:
        hash = (hash + pair(body)) | 0
        hash ^= hash << 16
        hash ^= ((key[body + 2]! << unusedBits) >> unusedBits) << 18
        hash = (hash + (hash >>> 11)) | 0
        break
      case 2:
        hash = (hash + pair(body)) | 0
        hash ^= hash << 11
        hash = (hash + (hash >>> 17)) | 0
        break
      case 1:
        hash = (hash + key[body]!) | 0
        hash ^= hash << 10
        hash = (hash + (hash >>> 1)) | 0
        break
    }
    hash ^= hash << 3
    hash = (hash + (hash >>> 5)) | 0
    hash ^= hash << 4
    hash = (hash + (hash >>> 17)) | 0
    hash ^= hash << 25
    return (hash + (hash >>> 6)) | 0
  }
}
