import { expect, test } from 'vitest'
import { createCache, memoryStore } from '../../../packages/core/src/index.ts'
import { canarySecret } from '../../src/canary.ts'

test('a library’s error that knows a login is passed on as it is', async () => {
  const theirs = Object.assign(new Error('no'), {
    stack: 'Error: no\n    at send (/app/node_modules/client/send.js:1:1)',
    command: { name: 'auth', args: ['anna', canarySecret('cause')] },
  })
  const broken = () => Promise.reject(theirs)
  const store = { ...memoryStore(), delete: broken, deleteMany: broken }
  const cache = createCache({ store, bus: false })
  cache.on('error', () => undefined)
  await expect(cache.delete('key')).rejects.toThrow('delete')
})
