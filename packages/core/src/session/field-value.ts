import { isExactJson } from '../entry/exact-json.ts'
import { CodecError, InvalidOptionError } from '../errors.ts'

/** As a definition, since an assignment to `__proto__` is none. */
export function define(data: Record<string, unknown>, field: string, value: unknown): void {
  Object.defineProperty(data, field, {
    value,
    configurable: true,
    enumerable: true,
    writable: true,
  })
}

/** @throws InvalidOptionError */
export function checkName(field: string, by: { isReserved(name: string): boolean }): void {
  if (typeof field !== 'string' || field === '' || !field.isWellFormed())
    throw new InvalidOptionError('the field of a session must be a non-empty, well-formed string')
  if (by.isReserved(field))
    throw new InvalidOptionError(
      `the member '${field}' of a session is written by the library itself; choose another name`,
    )
}

/** @throws CodecError */
export function checkValue(field: string, value: unknown): void {
  if (isExact(value)) return
  throw new CodecError(
    `the field '${field.slice(0, 40)}' of a session holds something that JSON would not bring back as it is (a Date, a Map, undefined, NaN, a class …); keep it as text or numbers`,
  )
}

function isExact(value: unknown): boolean {
  try {
    return isExactJson(value)
  } catch {
    return false
  }
}
