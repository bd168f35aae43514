import { type Duration, InvalidOptionError } from '@holdfast/core'
import type { ByteSize } from './options.ts'

/** What came, by its kind and never by its content. */
function kind(value: unknown): string {
  if (value === null || value === undefined || typeof value === 'number') return String(value)
  if (Array.isArray(value)) return 'an array'
  return value === '' ? 'an empty string' : `of type ${typeof value}`
}

export function unmet(path: string, expected: string, value: unknown): InvalidOptionError {
  return new InvalidOptionError(`${path} must be ${expected}; it was ${kind(value)}`)
}

/** An object whose names are all among `known`. @throws InvalidOptionError with the nearest known name */
export function readObject(
  value: unknown,
  known: readonly string[],
  path: string,
): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw unmet(path, `an object with ${known.join(', ')}`, value)
  for (const name of Object.keys(value)) {
    if (known.includes(name)) continue
    const nearest = nearestName(name, known)
    throw new InvalidOptionError(
      `${path} has no option '${name.slice(0, 40)}'${nearest === undefined ? '.' : `; did you mean '${nearest}'?`} It knows ${known.join(', ')}`,
    )
  }
  return value as Record<string, unknown>
}

/** The known name with the fewest letters wrong, if it is near enough to be meant. */
function nearestName(name: string, known: readonly string[]): string | undefined {
  const ranked = known
    .map((candidate) => ({
      candidate,
      wrong: distance(name.toLowerCase(), candidate.toLowerCase()),
    }))
    .sort((one, other) => one.wrong - other.wrong)
  const [best] = ranked
  return best !== undefined && best.wrong <= Math.max(2, Math.ceil(name.length / 3))
    ? best.candidate
    : undefined
}

/** Levenshtein's. */
function distance(a: string, b: string): number {
  let above = Array.from({ length: b.length + 1 }, (_, column) => column)
  for (let row = 1; row <= a.length; row++) {
    const current = [row]
    for (let column = 1; column <= b.length; column++) {
      const replaced = above[column - 1]! + (a[row - 1] === b[column - 1] ? 0 : 1)
      current[column] = Math.min(above[column]! + 1, current[column - 1]! + 1, replaced)
    }
    above = current
  }
  return above[b.length]!
}

const unitMs = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** Milliseconds of a `Duration`. @throws InvalidOptionError */
export function readDuration(value: Duration | unknown, path: string): number {
  if (typeof value === 'number' && value >= 0) return value
  const [, amount, unit] =
    /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(typeof value === 'string' ? value : '') ?? []
  if (amount !== undefined) return Number(amount) * unitMs[unit as keyof typeof unitMs]
  throw unmet(
    path,
    "milliseconds as a number from 0 to Infinity, or a string such as '250ms', '30s', '5m', '2h' or '7d'",
    value,
  )
}

const unitBytes = { b: 1, kb: 1_000, mb: 1_000_000, kib: 1_024, mib: 1_048_576 }

/** Bytes of a `ByteSize`. @throws InvalidOptionError */
export function readBytes(value: ByteSize | unknown, path: string): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value > 0) return value
  const [, amount, unit] =
    /^(\d+(?:\.\d+)?)(b|kb|mb|kib|mib)$/.exec(typeof value === 'string' ? value : '') ?? []
  const bytes = Math.floor(Number(amount) * unitBytes[unit as keyof typeof unitBytes])
  if (bytes > 0) return bytes
  throw unmet(
    path,
    "a positive whole number of bytes, or a string such as '512kb' or '10mb'",
    value,
  )
}

/** @throws InvalidOptionError unless it is a whole number of at least `least`, and at most `most` */
export function readWhole(value: unknown, path: string, least: number, most: number): number {
  if (Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most)
    return value as number
  throw unmet(path, `a whole number from ${least} to ${most}`, value)
}

/** @throws InvalidOptionError unless it is an array; `read` is handed each place and its path */
export function readList<T>(
  value: unknown,
  path: string,
  read: (item: unknown, path: string) => T,
): readonly T[] {
  if (!Array.isArray(value)) throw unmet(path, 'an array', value)
  return Object.freeze(value.map((item, place) => read(item, `${path}[${place}]`)))
}

/** @throws InvalidOptionError unless it is one of `known` */
export function readOneOf<T extends string>(value: unknown, path: string, known: readonly T[]): T {
  if (known.includes(value as T)) return value as T
  throw unmet(path, `one of ${known.map((one) => `'${one}'`).join(', ')}`, value)
}
