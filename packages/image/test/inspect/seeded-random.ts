/** Numbers from 0 to 1 that a seed repeats exactly: a linear congruential generator of 48 bits, as POSIX drand48. */
export function seededRandom(seed: number): () => number {
  let state = (BigInt(seed) << 16n) + 0x330en
  return () => {
    state = (state * 0x5deece66dn + 0xbn) & 0xffff_ffff_ffffn
    return Number(state) / 2 ** 48
  }
}
