import assert from 'node:assert/strict'
import { createCache } from '@holdfast/core'

const cache = createCache()
let loads = 0
const load = () => ({ id: 42, loads: ++loads })
const answers = await Promise.all([1, 2, 3].map(() => cache.wrap('user:42', load, { ttl: '5m' })))
assert.deepEqual(answers, Array(3).fill({ id: 42, loads: 1 }))
await cache.close()
console.log('ok')
