import { InvalidOptionError } from '@holdfast/core'

/**
 * Refuses an option that does not exist, with the nearest one that does.
 * @throws {InvalidOptionError}
 */
export function refuseUnknownOptions(given: object, known: readonly string[], where: string): void {
  for (const name of Object.keys(given)) {
    if (known.includes(name)) continue
    const near = nearest(name, known)
    const hint = near === undefined ? '' : `; did you mean '${near}'?`
    throw new InvalidOptionError(
      `${where} has no option '${name.slice(0, 40)}'${hint} It knows ${known.join(', ')}`,
    )
  }
}

function nearest(name: string, known: readonly string[]): string | undefined {
  let best = Math.max(2, Math.ceil(name.length / 3)) + 1
  let found: string | undefined
  for (const candidate of known) {
    const mistakes = distance(name.toLowerCase(), candidate.toLowerCase())
    if (mistakes < best) {
      best = mistakes
      found = candidate
    }
  }
  return found
}

/** Letters to add, leave out or change (Levenshtein). */
function distance(from: string, to: string): number {
  let above = Array.from({ length: to.length + 1 }, (_, column) => column)
  for (let row = 1; row <= from.length; row++) {
    const here = [row]
    for (let column = 1; column <= to.length; column++) {
      const changed = above[column - 1]! + (from[row - 1] === to[column - 1] ? 0 : 1)
      here.push(Math.min(changed, above[column]! + 1, here[column - 1]! + 1))
    }
    above = here
  }
  return above[to.length]!
}
