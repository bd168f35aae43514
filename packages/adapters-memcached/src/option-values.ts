import { type Clock, InvalidOptionError } from '@holdfast/core'

const units: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
}

/** @throws {InvalidOptionError} unless it is a span of time above 0, in milliseconds. */
export function span(option: string, value: unknown): number {
  const [, amount, unit = ''] = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(String(value)) ?? []
  const ms = typeof value === 'number' ? value : Number(amount) * (units[unit] ?? Number.NaN)
  if (ms > 0) return ms
  throw unmet(
    option,
    "milliseconds above 0 as a number, or a string such as '250ms' or '2s'",
    value,
  )
}

/** @throws {InvalidOptionError} */
export function count(option: string, value: unknown, least: number, most: number): number {
  if (Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most) {
    return value as number
  }
  throw unmet(option, `a whole number from ${least} to ${most}`, value)
}

/** @throws {InvalidOptionError} */
export function flag(option: string, value: unknown): boolean {
  if (typeof value === 'boolean') return value
  throw unmet(option, 'true or false', value)
}

/** @throws {InvalidOptionError} */
export function label(option: string, value: unknown): string {
  if (typeof value === 'string' && value !== '') return value
  throw unmet(option, 'a non-empty string', value)
}

const clockMethods = ['now', 'monotonic', 'random', 'setTimeout', 'clearTimeout'] as const

/** @throws {InvalidOptionError} */
export function clockOf(option: string, value: Clock): Clock {
  for (const method of clockMethods) {
    if (typeof value?.[method] !== 'function') {
      throw unmet(option, `an object with ${clockMethods.join(', ')}`, value)
    }
  }
  return value
}

/** What came is told by its kind, since it may hold a secret. */
export function unmet(option: string, expected: string, value: unknown): InvalidOptionError {
  const isTellable = typeof value === 'number' || typeof value === 'boolean' || value === undefined
  return new InvalidOptionError(
    `${option} must be ${expected}; it was ${isTellable ? String(value) : `of type ${value === null ? 'null' : typeof value}`}`,
  )
}
