/** A source of numbers from 0 to 1. */
export type Random = () => number

/** Chance that is the same in every run with the same seed (Marsaglia's xorshift on 32 bits). */
export function seeded(seed: number): Random {
  // Seeds that lie close together would begin alike; a multiplication spreads them, and 0 has no sequel.
  let state = Math.imul(seed + 1, 0x9e37_79b1) || 1
  const next = () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) / 2 ** 32
  }
  for (let warmUp = 0; warmUp < 8; warmUp++) next()
  return next
}

/** A time to wait until the next of many independent events (exponential). */
export const waitingTime = (random: Random, mean: number): number => -Math.log(1 - random()) * mean

/** A latency: most near the median, few far above it (log-normal, by Box and Muller). */
export function latency(random: Random, median: number, spread: number): number {
  const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
  return median * Math.exp(spread * normal)
}

/** Draws from a list by Zipf's law: the item at rank r in proportion to 1 / r^exponent. */
export function zipf<T>(random: Random, items: readonly T[], exponent: number): () => T {
  const upTo: number[] = []
  let total = 0
  for (let rank = 1; rank <= items.length; rank++) {
    total += rank ** -exponent
    upTo.push(total)
  }

  return () => {
    const mark = random() * total
    let low = 0
    let high = items.length - 1
    while (low < high) {
      const middle = (low + high) >> 1
      if ((upTo[middle] ?? total) < mark) low = middle + 1
      else high = middle
    }
    const item = items[low]
    if (item === undefined) throw new Error('zipf: expected at least one item')
    return item
  }
}

/** A new list in a seeded order (Fisher and Yates). */
export function shuffled<T>(random: Random, items: readonly T[]): T[] {
  const list = [...items]
  for (let last = list.length - 1; last > 0; last--) {
    const chosen = Math.floor(random() * (last + 1))
    ;[list[last], list[chosen]] = [list[chosen] as T, list[last] as T]
  }
  return list
}
