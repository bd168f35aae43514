import { ByteWiseHash } from './key-hash.ts'

const rotate = (word: number, by: number): number => (word << by) | (word >>> (32 - by))

/**
 * Bob Jenkins' lookup3 `hashlittle` with initval 13. Nothing is mixed for an empty key. Source: Jenkins, lookup3.c
 * (2006); initval measured on nutcracker 0.5.0.
 */
export class Jenkins extends ByteWiseHash {
  override bytes(key: Uint8Array, start: number, end: number): number {
    let left = end - start
    let at = start
    let a = (0xdeadbeef + left + 13) | 0
    let b = a
    let c = a
    if (left === 0) return c
    const word = (from: number) =>
      key[from]! | (key[from + 1]! << 8) | (key[from + 2]! << 16) | (key[from + 3]! << 24)
    while (left > 12) {
      a = (a + word(at)) | 0
      b = (b + word(at + 4)) | 0
      c = (c + word(at + 8)) | 0
      a = ((a - c) | 0) ^ rotate(c, 4)
      c = (c + b) | 0
      b = ((b - a) | 0) ^ rotate(a, 6)
      a = (a + c) | 0
      c = ((c - b) | 0) ^ rotate(b, 8)
      b = (b + a) | 0
      a = ((a - c) | 0) ^ rotate(c, 16)
      c = (c + b) | 0
      b = ((b - a) | 0) ^ rotate(a, 19)
      a = (a + c) | 0
      c = ((c - b) | 0) ^ rotate(b, 4)
      b = (b + a) | 0
      at += 12
      left -= 12
    }
    for (let i = 0; i < left; i++) {
      const shifted = key[at + i]! << ((i & 3) << 3)
      if (i < 4) a = (a + shifted) | 0
      else if (i < 8) b = (b + shifted) | 0
      else c = (c + shifted) | 0
    }
    c = ((c ^ b) - rotate(b, 14)) | 0
    a = ((a ^ c) - rotate(c, 11)) | 0
    b = ((b ^ a) - rotate(a, 25)) | 0
    c = ((c ^ b) - rotate(b, 16)) | 0
    a = ((a ^ c) - rotate(c, 4)) | 0
    b = ((b ^ a) - rotate(a, 14)) | 0
    return ((c ^ b) - rotate(b, 24)) | 0
  }
}
