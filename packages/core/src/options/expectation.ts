import { InvalidOptionError } from '../errors.ts'

/** The refusal of an option or argument, in the one sentence that all of them share. */
export function unmet(
  option: string,
  expected: string,
  value: unknown,
  came = describe(value),
): InvalidOptionError {
  return new InvalidOptionError(`${option} must be ${expected}; it was ${came}`)
}

/** What came, by its kind and never by its content, except numbers and booleans, which hold no secret. */
export function describe(value: unknown): string {
  return typeof value === 'number' || typeof value === 'boolean'
    ? String(value)
    : describeKind(value)
}

/** What came, by its kind alone. */
export function describeKind(value: unknown): string {
  if (value === null || value === undefined) return String(value)
  if (Array.isArray(value)) return 'an array'
  if (value instanceof Promise) return 'a promise'
  return value === '' ? 'an empty string' : `of type ${typeof value}`
}

/** What a key, a tag and a name have to be. */
export const expectedText = (maxBytes: number) =>
  `a non-empty, well-formed string of at most ${maxBytes} bytes in UTF-8`

/**
 * What is wrong with such a text, without showing it; `undefined` where nothing is. Ill-formed texts would share one
 * key on the wire, since every lone surrogate is sent as the same replacement character.
 */
export function textFault(text: unknown, maxBytes: number): string | undefined {
  if (typeof text !== 'string' || text === '') return describeKind(text)
  // No character of a string takes more than three bytes in UTF-8 (a pair of surrogates takes four).
  if (text.length > maxBytes / 3 && Buffer.byteLength(text) > maxBytes)
    return `a string of length ${text.length} and ${Buffer.byteLength(text)} bytes`
  if (!text.isWellFormed())
    return `a string of length ${text.length} with half a surrogate pair at position ${text.search(/\p{Cs}/u)}`
  return undefined
}
