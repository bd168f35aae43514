import { InvalidOptionError } from '../errors.ts'

/**
 * A span of time: milliseconds as a number, or a whole or decimal number with its unit.
 * `0` means "do not keep", `Infinity` "never expires".
 */
export type Duration = number | `${number}${'ms' | 's' | 'm' | 'h' | 'd'}`

const unitMs = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const
const pattern = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/

/**
 * Milliseconds of a duration. Called once for each option, never on a near hit.
 * @throws InvalidOptionError for anything that is not a duration; the message names `option`.
 */
export function parseDuration(value: unknown, option: string): number {
  if (typeof value === 'number') {
    if (value >= 0) return value
    throw refused(option, Number.isNaN(value) ? 'NaN' : `the negative number ${value}`)
  }
  if (typeof value === 'string') {
    const [, amount, unit] = pattern.exec(value) ?? []
    if (amount !== undefined && unit !== undefined)
      return Number(amount) * unitMs[unit as keyof typeof unitMs]
    throw refused(option, `the string ${JSON.stringify(value.slice(0, 40))}`)
  }
  throw refused(option, value === null ? 'null' : `a value of type ${typeof value}`)
}

function refused(option: string, came: string): InvalidOptionError {
  return new InvalidOptionError(
    `${option} must be milliseconds as a number from 0 to Infinity, or a string such as '250ms', '30s', '5m', '2h' or '7d'; it was ${came}`,
  )
}
