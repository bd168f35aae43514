import { KeyError } from '../errors.ts'
import { expectedText, textFault } from '../options/expectation.ts'

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
