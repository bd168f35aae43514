/**
 * Numbers from 0 (inclusive) to 1 (exclusive) that a seed repeats exactly: xoshiro128** of Blackman and Vigna,
 * "Scrambled Linear Pseudorandom Number Generators" (ACM Transactions on Mathematical Software 47, 2021).
 * For tests, not for secrets.
 */
export function seededRandom(seed: number): () => number {
  // Neighbouring seeds must not give neighbouring states: each word passes a multiplicative mixer first.
  let filler = seed | 0
  const word = () => {
    filler = (filler + 0x9e37_79b9) | 0
    let mixed = Math.imul(filler ^ (filler >>> 16), 0x21f0_aaad)
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a_2d97)
    return mixed ^ (mixed >>> 15)
  }
  let a = word()
  let b = word()
  let c = word()
  let d = word()
  const next = () => {
    const result = Math.imul(rotated(Math.imul(b, 5), 7), 9) >>> 0
    const shifted = b << 9
    c ^= a
    d ^= b
    b ^= c
    a ^= d
    c ^= shifted
    d = rotated(d, 11)
    return result
  }
  return () => ((next() >>> 5) * 0x400_0000 + (next() >>> 6)) / 0x20_0000_0000_0000
}

function rotated(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits))
}
