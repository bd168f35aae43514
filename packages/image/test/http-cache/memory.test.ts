import { createCache } from '@holdfast/core'
import { fakeClock } from '@holdfast/core/testing'
import { expect, test } from 'vitest'
import { createHttpCache } from '../../src/http-cache/http-cache.ts'
import { answer } from './scripted-origin.ts'

/** Bytes of objects, and of buffers beside them, that are still reachable. */
async function usedBytes(): Promise<number> {
  // Finalizers run between turns; the least of a few readings is what is really held.
  const { gc } = globalThis as { gc?: () => void }
  const { setFlagsFromString } = await import('node:v8')
  const { runInNewContext } = await import('node:vm')
  setFlagsFromString('--expose-gc')
  const collect = gc ?? (runInNewContext('gc') as () => void)
  const readings: number[] = []
  for (let round = 0; round < 3; round++) {
    collect()
    await new Promise((resolve) => setImmediate(resolve))
    const { heapUsed, arrayBuffers } = process.memoryUsage()
    readings.push(heapUsed + arrayBuffers)
  }
  return Math.min(...readings)
}

test('10,000 refreshes, failures, private answers and variants leave no more behind than the bounds allow', async () => {
  const clock = fakeClock()
  const cache = createCache({ clock, memory: { maxEntries: 100 } })
  let turn = 0
  const network = (async (input: string | URL | Request, init?: RequestInit) => {
    const { pathname } = new URL(String(input))
    const headers = new Headers(init?.headers)
    if (pathname.startsWith('/private')) return answer('x', 'private')
    if (pathname.startsWith('/vary')) return answer('x', 'max-age=60', { vary: 'foo' })
    if (turn % 3 === 0) throw new TypeError('fetch failed')
    if (headers.has('if-none-match')) return answer(null, 'max-age=1', { etag: '"a"' }, 304)
    return answer('x'.repeat(1_000), 'max-age=1', { etag: '"a"' })
  }) as typeof fetch
  const http = createHttpCache({ cache, clock, fetch: network })
  const { signal } = new AbortController()
  const round = async (from: number) => {
    for (turn = from; turn < from + 2_500; turn++) {
      const ask = (path: string, headers: Record<string, string> = {}) =>
        http
          .fetch(`http://origin.test${path}`, { headers, signal })
          .then((response) => response.arrayBuffer())
          .catch(() => undefined)
      await ask('/same')
      await ask(`/new/${turn}`)
      await ask(`/private/${turn}`)
      await ask('/vary', { foo: String(turn) })
      await clock.advance('2s')
    }
  }
  await round(0)
  const before = await usedBytes()
  await round(2_500)
  const grown = (await usedBytes()) - before
  // 40 bytes for each URL and variant would be as much.
  expect(grown).toBeLessThan(300_000)
  await cache.close()
})
