/**
 * What every candidate is asked: the same keys in the same order, drawn from a stated seed, and values of one shape.
 */

export const seed = 20_261_120
export const keyCount = 10_000
export const zipfExponent = 0.99

/** A row as a database would give it: five fields, two of them strings of its own. */
export interface User {
  readonly id: number
  readonly name: string
  readonly email: string
  readonly plan: string
  readonly active: boolean
}

export function makeUser(id: number): User {
  return {
    id,
    name: flat(`User ${id}`),
    email: flat(`user${id}@example.org`),
    plan: 'standard',
    active: true,
  }
}

export function keyOf(id: number): string {
  return flat(`user:${id}`)
}

/** Of a string built from parts V8 keeps the parts; a round trip through bytes leaves one flat string. */
function flat(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1')
}

/** A 32-bit multiply-and-shift generator: seeded, and good enough to draw keys with. */
export function seededRandom(from: number): () => number {
  let state = from >>> 0
  return () => {
    state = (state + 0x9e37_79b9) >>> 0
    let mixed = state
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85eb_ca6b)
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2_ae35)
    return ((mixed ^ (mixed >>> 16)) >>> 0) / 2 ** 32
  }
}

export function shuffled<T>(items: readonly T[], random: () => number): T[] {
  const result = [...items]
  for (let last = result.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1))
    const kept = result[last]!
    result[last] = result[other]!
    result[other] = kept
  }
  return result
}

/** `count` draws from `keys`, where the key of rank r comes with a weight of 1 / r^0.99. Ranks are spread over the keys. */
export function zipfDraws(keys: readonly string[], count: number): string[] {
  const random = seededRandom(seed)
  const ranked = shuffled(keys, random)
  const upTo = new Float64Array(ranked.length)
  let total = 0
  for (let rank = 0; rank < ranked.length; rank++) {
    total += 1 / (rank + 1) ** zipfExponent
    upTo[rank] = total
  }
  return Array.from({ length: count }, () => ranked[firstAbove(upTo, random() * total)]!)
}

function firstAbove(sorted: Float64Array, value: number): number {
  let low = 0
  let high = sorted.length - 1
  while (low < high) {
    const middle = (low + high) >>> 1
    if (sorted[middle]! > value) high = middle
    else low = middle + 1
  }
  return low
}
