import { KeyError } from '../errors.ts'

/** The longest key, in bytes of UTF-8. */
export const maxKeyBytes = 4_096

/** No character of a string takes more than three bytes in UTF-8 (a pair of surrogates takes four). */
const certainlyShort = Math.floor(maxKeyBytes / 3)

/** ES2024, which every supported Node has and the configured library types do not. */
type WellFormedString = string & { isWellFormed(): boolean }

/**
 * Refuses what cannot be a key: keys are non-empty, well-formed strings of at most 4,096 bytes in UTF-8. Ill-formed
 * ones would share one key on the wire, since every lone surrogate is sent as the same replacement character.
 * @throws KeyError that tells the fault and its place, never the key.
 */
export function assertKey(key: unknown): asserts key is string {
  if (
    typeof key !== 'string' ||
    key.length === 0 ||
    !(key as WellFormedString).isWellFormed() ||
    (key.length > certainlyShort && isTooLong(key))
  ) {
    throw new KeyError(
      `A key must be a non-empty, well-formed string of at most ${maxKeyBytes} bytes in UTF-8; it was ${fault(key)}`,
    )
  }
}

function isTooLong(key: string): boolean {
  return key.length > maxKeyBytes || Buffer.byteLength(key) > maxKeyBytes
}

function fault(key: unknown): string {
  if (key === null) return 'null'
  if (Array.isArray(key)) return 'an array'
  if (typeof key !== 'string') return key === undefined ? 'undefined' : `of type ${typeof key}`
  if (key === '') return 'an empty string'
  if (isTooLong(key)) return `a string of length ${key.length} and ${Buffer.byteLength(key)} bytes`
  return `a string of length ${key.length} with half a surrogate pair at position ${loneSurrogate(key)}`
}

function loneSurrogate(text: string): number {
  for (let at = 0; at < text.length; at++) {
    const point = text.codePointAt(at)!
    if (point >= 0xd800 && point <= 0xdfff) return at
    if (point > 0xffff) at++
  }
  return -1
}
