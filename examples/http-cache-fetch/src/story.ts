import { type Clock, createCache } from '@holdfast/core'
import { createHttpCache } from '@holdfast/image'
import { startOrigin } from './origin.ts'

export interface Scene {
  readonly what: string
  readonly body: string
  readonly cacheStatus: string
  /** Requests that the origin has seen until now. */
  readonly asked: number
}

/** What one service sees of an API through an HTTP cache. `pass` lets time go by. */
export async function play(
  pass: (ms: number) => Promise<unknown>,
  clock?: Clock,
): Promise<readonly Scene[]> {
  const origin = await startOrigin(() => clock?.now() ?? Date.now())
  const timed = clock === undefined ? {} : { clock }
  const cache = createCache(timed)
  const http = createHttpCache({ cache, ...timed })
  const url = `${origin.url}/prices/7`
  const scenes: Scene[] = []
  const scene = async (what: string, init?: RequestInit) => {
    const response = await http.fetch(url, init)
    scenes.push({
      what,
      body: await response.text(),
      cacheStatus: response.headers.get('cache-status') ?? '',
      asked: origin.asked.length,
    })
  }
  try {
    await scene('cold: the origin is asked')
    await scene('fresh: it is not')
    await scene('another language is another answer', { headers: { 'accept-language': 'de' } })
    await pass(2_100)
    await scene('stale: the origin says that nothing has changed, and sends no body')
    await http.fetch(url, { method: 'POST' })
    await scene('after a POST through the same cache nothing old is served')
    await pass(2_100)
    origin.isDown = true
    await scene('the origin is down: the stale answer stands in, and says so')
    await scene('and the origin is left alone for a while')
    return scenes
  } finally {
    await cache.close()
    await origin.close()
  }
}
