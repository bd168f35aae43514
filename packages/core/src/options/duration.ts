import { describe, unmet } from './expectation.ts'

/**
 * A span of time: milliseconds as a number, or a whole or decimal number with its unit.
 * `0` means "do not keep", `Infinity` "never expires".
 */
export type Duration = number | `${number}${'ms' | 's' | 'm' | 'h' | 'd'}`

const unitMs: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }
const pattern = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/

/** Milliseconds of a duration; of anything else a number that is not at least 0. */
export function durationMs(value: unknown): number {
  if (typeof value === 'number') return value
  const [, amount, unit = ''] = pattern.exec(typeof value === 'string' ? value : '') ?? []
  return Number(amount) * unitMs[unit]!
}

/**
 * Milliseconds of a duration. Called once for each option, never on a near hit.
 * @throws InvalidOptionError for anything that is not a duration; the message names `option`.
 */
export function parseDuration(value: unknown, option: string): number {
  const ms = durationMs(value)
  if (ms >= 0) return ms
  throw unmet(
    option,
    "milliseconds as a number from 0 to Infinity, or a string such as '250ms', '30s', '5m', '2h' or '7d'",
    value,
    typeof value === 'string'
      ? `the string ${JSON.stringify(value.slice(0, 40))}`
      : describe(value),
  )
}
