import { once } from 'node:events'
import { test } from 'vitest'
import { canarySecret } from '../../src/canary.ts'
import { startChild } from '../../src/child.ts'

test('a server writes a password to its log', async () => {
  const child = await startChild('sh', ['-c', `echo "no: ${canarySecret('child')}" >&2`])
  await once(child.process, 'close')
})
