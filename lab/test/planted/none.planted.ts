import { expect, test } from 'vitest'
import { StoreError } from '../../../packages/core/src/errors.ts'
import { canarySecret } from '../../src/canary.ts'

test('an error that a test makes up may hold what it likes', () => {
  expect(new StoreError(canarySecret('fake'), { kind: 'auth' }).message).toContain('fake')
})
