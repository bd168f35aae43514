import { InvalidOptionError } from '../errors.ts'
import { describe } from './entry-policy.ts'

/** A whole number from `least` on, or `Infinity`. @throws InvalidOptionError */
export function requireCount(value: unknown, option: string, least: number): number {
  if (
    typeof value === 'number' &&
    value >= least &&
    (Number.isSafeInteger(value) || value === Number.POSITIVE_INFINITY)
  )
    return value
  throw new InvalidOptionError(
    `${option} must be a whole number from ${least} on, or Infinity; it was ${describe(value)}`,
  )
}

/** A well-formed string of `least` to 256 characters. @throws InvalidOptionError */
export function requireText(value: unknown, option: string, least: number): string {
  if (
    typeof value === 'string' &&
    value.length >= least &&
    value.length <= 256 &&
    value.isWellFormed()
  )
    return value
  throw new InvalidOptionError(
    `${option} must be a well-formed string of ${least} to 256 characters; it was ${typeof value === 'string' ? `a string of ${value.length}` : describe(value)}`,
  )
}
