import { ByteWiseHash } from './key-hash.ts'

/**
 * MD5 (RFC 1321) in plain arithmetic, because ring points are made of it: it must work where the platform's own
 * is switched off (FIPS mode), and a ring makes thousands of short digests, for which a call into the platform
 * costs more than the digest. It places points and keys; nothing here relies on it being secure.
 */

// floor(2^32 * |sin(i + 1)|), written out: engines may differ in the last bit of a sine.
const sines = Int32Array.of(
  0xd76aa478,
  0xe8c7b756,
  0x242070db,
  0xc1bdceee,
  0xf57c0faf,
  0x4787c62a,
  0xa8304613,
  0xfd469501,
  0x698098d8,
  0x8b44f7af,
  0xffff5bb1,
  0x895cd7be,
  0x6b901122,
  0xfd987193,
  0xa679438e,
  0x49b40821,
  0xf61e2562,
  0xc040b340,
  0x265e5a51,
  0xe9b6c7aa,
  0xd62f105d,
  0x02441453,
  0xd8a1e681,
  0xe7d3fbc8,
  0x21e1cde6,
  0xc33707d6,
  0xf4d50d87,
  0x455a14ed,
  0xa9e3e905,
  0xfcefa3f8,
  0x676f02d9,
  0x8d2a4c8a,
  0xfffa3942,
  0x8771f681,
  0x6d9d6122,
  0xfde5380c,
  0xa4beea44,
  0x4bdecfa9,
  0xf6bb4b60,
  0xbebfbc70,
  0x289b7ec6,
  0xeaa127fa,
  0xd4ef3085,
  0x04881d05,
  0xd9d4d039,
  0xe6db99e5,
  0x1fa27cf8,
  0xc4ac5665,
  0xf4292244,
  0x432aff97,
  0xab9423a7,
  0xfc93a039,
  0x655b59c3,
  0x8f0ccc92,
  0xffeff47d,
  0x85845dd1,
  0x6fa87e4f,
  0xfe2ce6e0,
  0xa3014314,
  0x4e0811a1,
  0xf7537e82,
  0xbd3af235,
  0x2ad7d2bb,
  0xeb86d391,
)
const shifts = Int32Array.of(7, 12, 17, 22, 5, 9, 14, 20, 4, 11, 16, 23, 6, 10, 15, 21)

const block = new Int32Array(16)
const tail = new Uint8Array(128)

/** Writes the digest's four words; each is four of its bytes read as a little-endian number. */
export function md5Words(key: Uint8Array, start: number, end: number, words: Int32Array): void {
  words[0] = 0x67452301
  words[1] = 0xefcdab89
  words[2] = 0x98badcfe
  words[3] = 0x10325476
  const length = end - start
  const body = start + (length & ~63)
  for (let at = start; at < body; at += 64) absorbBlock(key, at, words)
  const left = end - body
  const padded = left < 56 ? 64 : 128
  tail.fill(0, 0, padded)
  for (let i = 0; i < left; i++) tail[i] = key[body + i]!
  tail[left] = 0x80
  // The length in bits, 64 of them; a key is far below 2^53 bits.
  const high = Math.floor(length / 0x20000000)
  for (let i = 0; i < 4; i++) {
    tail[padded - 8 + i] = (length << 3) >>> (i << 3)
    tail[padded - 4 + i] = high >>> (i << 3)
  }
  for (let at = 0; at < padded; at += 64) absorbBlock(tail, at, words)
}

function absorbBlock(bytes: Uint8Array, at: number, words: Int32Array): void {
  for (let i = 0; i < 16; i++) {
    const from = at + (i << 2)
    block[i] =
      bytes[from]! | (bytes[from + 1]! << 8) | (bytes[from + 2]! << 16) | (bytes[from + 3]! << 24)
  }
  let a = words[0]!
  let b = words[1]!
  let c = words[2]!
  let d = words[3]!
  for (let i = 0; i < 64; i++) {
    let mixed: number
    let from: number
    if (i < 16) {
      mixed = (b & c) | (~b & d)
      from = i
    } else if (i < 32) {
      mixed = (d & b) | (~d & c)
      from = (5 * i + 1) & 15
    } else if (i < 48) {
      mixed = b ^ c ^ d
      from = (3 * i + 5) & 15
    } else {
      mixed = c ^ (b | ~d)
      from = (7 * i) & 15
    }
    const sum = (a + mixed + sines[i]! + block[from]!) | 0
    const shift = shifts[((i >> 4) << 2) | (i & 3)]!
    a = d
    d = c
    c = b
    b = (b + ((sum << shift) | (sum >>> (32 - shift)))) | 0
  }
  words[0] = words[0]! + a
  words[1] = words[1]! + b
  words[2] = words[2]! + c
  words[3] = words[3]! + d
}

const digest = new Int32Array(4)

/** The first four bytes of the MD5 digest, little-endian: the key hash `md5` of twemproxy and libmemcached. */
export class Md5 extends ByteWiseHash {
  override bytes(key: Uint8Array, start: number, end: number): number {
    md5Words(key, start, end, digest)
    return digest[0]!
  }
}
