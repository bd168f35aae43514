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

answer({
  ask,
  crowd: (url: string, size: number) => Promise.all(Array.from({ length: size }, () => ask(url))),
  post: async (url: string) => (await http.fetch(url, { method: 'POST', body: 'x' })).status,
})
