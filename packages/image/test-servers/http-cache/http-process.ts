import { monitorEventLoopDelay } from 'node:perf_hooks'
import { createCache } from '@holdfast/core'
import { answer } from '@holdfast/lab/client-protocol'
import { redisStore } from '@holdfast/redis'
import { createHttpCache } from '../../src/http-cache/http-cache.ts'

/** One process of a service that fetches through a cache in the Redis that its argument names. */
const [redisPort] = process.argv.slice(2)
const cache = createCache({
  // The story is about fetching; a store that is slow on a crowded machine is another one's.
  store: redisStore({ host: '127.0.0.1', port: Number(redisPort), commandTimeout: 5_000 }),
  resilience: { storeTimeout: '5s', outageMemo: '1m' },
})
cache.on('error', () => undefined)
const http = createHttpCache({ cache })

const ask = async (url: string, headers: Record<string, string> = {}) => {
  const response = await http.fetch(url, { headers })
  return {
    status: response.status,
    body: await response.text(),
    told: response.headers.get('cache-status') ?? '',
  }
}

const delays = monitorEventLoopDelay({ resolution: 20 })
delays.enable()

answer({
  ask,
  crowd(url: string, size: number) {
    delays.reset()
    return Promise.all(Array.from({ length: size }, () => ask(url)))
  },
  /** The longest that this process stood still since the last crowd. */
  stoodStillMs: () => delays.max / 1e6,
  post: async (url: string) => (await http.fetch(url, { method: 'POST', body: 'x' })).status,
})
