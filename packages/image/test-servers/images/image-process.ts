import { monitorEventLoopDelay } from 'node:perf_hooks'
import { createCache } from '@holdfast/core'
import { answer } from '@holdfast/lab/client-protocol'
import { redisStore } from '@holdfast/redis'
import { createImageCache, createImageHandler, ImageError } from '../../src/index.ts'

/** One process of an image service over the Redis and the origin that its arguments name. */
const [redisPort, originUrl] = process.argv.slice(2) as [string, string]
const cache = createCache({
  // The story is about images; a store that is slow on a crowded machine is another one's.
  store: redisStore({ host: '127.0.0.1', port: Number(redisPort), commandTimeout: 5_000 }),
  resilience: { storeTimeout: '5s' },
})
cache.on('error', () => undefined)
const images = createImageCache({
  cache,
  origins: [originUrl],
  network: { schemes: ['http'], allowPrivate: ['127.0.0.1/32'] },
})
const handler = createImageHandler(images)

const ask = async (url: string) => {
  const response = await handler(new Request(`http://cache/?url=${encodeURIComponent(url)}`))
  const body = await response.arrayBuffer()
  return {
    status: response.status,
    bytes: body.byteLength,
    cacheStatus: response.headers.get('cache-status'),
    age: Number(response.headers.get('age')),
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
  purge: (url: string) => images.purge(url),
  peek: (url: string) => images.peek(url)?.status,
  code: (url: string) =>
    images.get(url).then(
      () => undefined,
      (error: unknown) => (error instanceof ImageError ? error.code : String(error)),
    ),
})
