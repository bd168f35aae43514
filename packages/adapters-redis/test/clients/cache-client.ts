import { setTimeout as sleep } from 'node:timers/promises'
import { type Cache, createCache, type EntryOptions } from '@holdfast/core'
import { answer, tell } from '@holdfast/lab/client-protocol'
import { redisStore } from '../../src/index.ts'

/** A service of the stories: one cache over the Redis whose port it is given, and a loader that can be told what to do. */
const port = Number(process.argv[2])
const settings = JSON.parse(process.argv[3] ?? '{}') as { memory?: false; bus?: false }
const cache: Cache = createCache({ store: redisStore({ host: '127.0.0.1', port }), ...settings })
cache.on('error', () => {})
let loads = 0

answer({
  /** `callers` calls at once; when each was answered, in milliseconds since the first began. */
  async wrapAtOnce(
    key: string,
    callers: number,
    loadMs: number,
    outcome: string,
    options: EntryOptions,
  ) {
    const since = performance.now()
    const before = loads
    const results = await Promise.all(
      Array.from({ length: callers }, async () => {
        try {
          const value = await cache.wrap(
            key,
            async () => {
              loads++
              await sleep(loadMs)
              if (outcome.startsWith('!')) throw new Error(outcome.slice(1))
              return outcome
            },
            options,
          )
          return { value, ms: performance.now() - since }
        } catch (error) {
          return { error: (error as Error).message, ms: performance.now() - since }
        }
      }),
    )
    return { results, loads: loads - before }
  },
  async wrap(key: string, loadMs: number, value: string, options: EntryOptions) {
    return cache.wrap(
      key,
      async () => {
        loads++
        tell('loading', key)
        await sleep(loadMs)
        return value
      },
      options,
    )
  },
  get: (key: string) => cache.get(key),
  set: (key: string, value: unknown, options: EntryOptions) => cache.set(key, value, options),
  delete: (key: string) => cache.delete(key),
  expire: (key: string) => cache.expire(key),
  invalidateTags: (tags: string[]) => cache.invalidateTags(tags),
  clear: () => cache.clear(),
  loads: () => loads,
  stats: () => cache.stats(),
  explain: (key: string) => cache.explain(key),
  block(ms: number) {
    const until = performance.now() + ms
    while (performance.now() < until);
  },
  close: () => cache.close(),
})
