import { test, vi } from 'vitest'
import { canarySecret } from '../../src/canary.ts'

test('a warning that the test keeps from being printed', () => {
  const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
  process.emitWarning(`weak: ${canarySecret('warning')}`)
  warn.mockRestore()
})
