import { expect, test } from 'vitest'
import { createCache } from '../../../packages/core/src/index.ts'
import { canarySecret } from '../../src/canary.ts'

test('a message of ours names what was given', () => {
  // No leak of the package: the message names an option that it does not know.
  expect(() => createCache({ [canarySecret('error')]: 1 } as object)).toThrow('has no option')
})
