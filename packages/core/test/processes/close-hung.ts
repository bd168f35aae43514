import { createCache } from '../../src/cache.ts'

/** 200 loads hang for ever; the cache is closed; then nothing may keep the process alive. */
const cache = createCache({ defaults: { loadTimeout: '10m' } })
let rejected = 0
for (let key = 0; key < 200; key++) {
  cache.wrap(`k${key}`, () => new Promise<never>(() => {})).catch(() => rejected++)
}
const startedAt = performance.now()
const first = cache.close()
const second = cache.close()
if (first !== second) throw new Error('close did not give the same promise')
await first
const closedAt = performance.now()
await cache.close()
await cache[Symbol.asyncDispose]()
await null
console.log(JSON.stringify({ rejected, closeMs: closedAt - startedAt }))
process.on('exit', () => {
  console.log(JSON.stringify({ exitMs: performance.now() - closedAt }))
})
