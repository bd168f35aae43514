import { refuseUnknownNames, unmet } from '@holdfast/core/adapter'
import type { ByteSize } from './options.ts'

/** An object whose names are all among `known`. @throws InvalidOptionError with the nearest known name */
export function readObject(
  value: unknown,
  known: readonly string[],
  path: string,
): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw unmet(path, `an object with ${known.join(', ')}`, value)
  refuseUnknownNames(value, known, path)
  return value as Record<string, unknown>
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
