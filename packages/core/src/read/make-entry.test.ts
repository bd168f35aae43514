import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, it } from 'vitest'
import { createCache } from '../cache.ts'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

function usedBytes(): number {
  collect()
  collect()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

it('never estimates an entry below what it takes: hit, without an end, in a map that has just grown', async () => {
  // The table of a Map doubles at 65,536.
  const count = 68_000
  const before = usedBytes()
  const cache = createCache({
    memory: { maxEntries: count, maxBytes: Infinity },
    defaults: { ttl: Infinity },
  })
  for (let id = 0; id < count; id++)
    await cache.set(Buffer.from(`user:${id}`).toString('latin1'), id)
  for (let hit = 0; hit < 2; hit++) {
    for (let id = 0; id < count; id++) await cache.get(`user:${id}`)
  }
  const real = usedBytes() - before
  const { bytes, entries } = cache.stats()
  expect(entries).toBe(count)
  expect(bytes).toBeGreaterThan(real)
  expect(bytes).toBeLessThan(real * 1.5)
})
