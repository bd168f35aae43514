import { KeyError } from '../errors.ts'
import { expectedText, textFault, unmet } from '../options/expectation.ts'

/** The longest key, in bytes of UTF-8. */
export const maxKeyBytes = 4_096

/**
 * Refuses what cannot be a key: keys are non-empty, well-formed strings of at most 4,096 bytes in UTF-8.
 * @throws KeyError that tells the fault and its place, never the key.
 */
export function assertKey(key: unknown): asserts key is string {
  const fault = textFault(key, maxKeyBytes)
  if (fault !== undefined)
    throw new KeyError(`A key must be ${expectedText(maxKeyBytes)}; it was ${fault}`)
}

/** Keys as they are asked for: each once, in the order of the first. @throws KeyError, InvalidOptionError */
export function askedKeys(keys: unknown, operation: string): readonly string[] {
  if (!Array.isArray(keys)) throw unmet(`${operation}(keys)`, 'an array of keys', keys)
  for (const key of keys) assertKey(key)
  return [...new Set<string>(keys)]
}

/** The same where one key may stand alone. @throws KeyError, InvalidOptionError */
export function oneOrMoreKeys(keys: unknown, operation: string): readonly string[] {
  return askedKeys(Array.isArray(keys) ? keys : [keys], operation)
}
