import { InvalidOptionError } from '../errors.ts'

/**
 * Refuses an option that does not exist, with the nearest one that does: a misspelt `tll` would otherwise be
 * silently ignored.
 * @throws InvalidOptionError
 */
export function refuseUnknownNames(options: object, known: readonly string[], where: string): void {
  for (const name of Object.keys(options)) refuseUnknownName(name, known, `${where} has no option`)
}

/** @throws InvalidOptionError that goes on from `refusal`, unless `name` is one of those known. */
export function refuseUnknownName(name: string, known: readonly string[], refusal: string): void {
  if (known.includes(name)) return
  const nearest = nearestName(name, known)
  throw new InvalidOptionError(
    `${refusal} '${name.slice(0, 40)}'${nearest === undefined ? '.' : `; did you mean '${nearest}'?`} It knows ${known.join(', ')}`,
  )
}

/** The known name with the smallest edit distance, if it is near enough to be meant. */
export function nearestName(name: string, known: readonly string[]): string | undefined {
  let best = Math.max(2, Math.ceil(name.length / 3)) + 1
  let nearest: string | undefined
  for (const candidate of known) {
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase())
    if (distance < best) {
      best = distance
      nearest = candidate
    }
  }
  return nearest
}

/** Damerau's distance, restricted: two letters that changed places count as one mistake. */
function editDistance(a: string, b: string): number {
  let twoAbove: number[] = []
  let above = Array.from({ length: b.length + 1 }, (_, column) => column)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1]
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      row[j] = Math.min(
        above[j]! + 1,
        row[j - 1]! + 1,
        above[j - 1]! + (same ? 0 : 1),
        swapped ? twoAbove[j - 2]! + 1 : Infinity,
      )
    }
    twoAbove = above
    above = row
  }
  return above[b.length]!
}
