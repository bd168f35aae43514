/** Middle, least and most of the same ratio over all rounds. */
export interface Spread {
  readonly median: number
  readonly min: number
  readonly max: number
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >>> 1
  if (sorted.length === 0) throw new Error('a median needs at least one value')
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

export function spreadOf(values: readonly number[]): Spread {
  return { median: median(values), min: Math.min(...values), max: Math.max(...values) }
}

/** A ratio is formed inside a round, where both sides met the same state of the machine, and only then compared. */
export function ratiosWithin(values: readonly number[], bases: readonly number[]): Spread {
  if (values.length !== bases.length)
    throw new Error(`every round needs both sides; there are ${values.length} and ${bases.length}`)
  return spreadOf(values.map((value, round) => value / bases[round]!))
}

export function rounded(value: number, digits: number): number {
  return Number(value.toFixed(digits))
}

export function roundedSpread({ median, min, max }: Spread, digits: number): Spread {
  return { median: rounded(median, digits), min: rounded(min, digits), max: rounded(max, digits) }
}
