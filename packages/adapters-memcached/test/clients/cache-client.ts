import { setTimeout as sleep } from 'node:timers/promises'
import { createCache, type EntryOptions } from '@holdfast/core'
import { answer, tell } from '@holdfast/lab/client-protocol'
import { memcachedStore } from '../../src/index.ts'
import type { AtOnce, ClientSettings } from './client-answers.ts'

/** A service of the stories: one cache over the servers it is given, and loaders that can be told what to do. */
const { servers, protocol, memory } = JSON.parse(process.argv[2]!) as ClientSettings
// The store is never at fault in these stories, however crowded the machine.
const patient = { commandTimeout: '20s', connectTimeout: '20s', timeout: '20s' } as const
const cache = createCache({
  store: memcachedStore({ servers, protocol, ...patient }),
  resilience: { storeTimeout: '20s' },
  ...(memory === undefined ? {} : { memory }),
})
cache.on('error', () => {})
let loads = 0

answer({
  /** `callers` calls at once; what each was answered, and when, in milliseconds since the first began. */
  async wrapAtOnce(
    key: string,
    callers: number,
    loadMs: number,
    outcome: string,
    options: EntryOptions,
  ): Promise<AtOnce> {
    const since = performance.now()
    let loaded = 0
    const load = async () => {
      loads++
      loaded++
      await sleep(loadMs)
      if (outcome.startsWith('!')) throw new Error(outcome.slice(1))
      return outcome
    }
    const one = async () => {
      const ms = () => performance.now() - since
      try {
        return { value: await cache.wrap(key, load, options), ms: ms() }
      } catch (error) {
        return { error: (error as Error).message, ms: ms() }
      }
    }
    const results = await Promise.all(Array.from({ length: callers }, one))
    return { results, loads: loaded }
  },

  wrap: (key: string, loadMs: number, value: string, options: EntryOptions) =>
    cache.wrap(
      key,
      async () => {
        loads++
        tell('loading', key)
        await sleep(loadMs)
        return value
      },
      options,
    ),

  get: (key: string) => cache.get(key),
  delete: (key: string) => cache.delete(key),
  loads: () => loads,
  /** Keeps the event loop from running. */
  block(ms: number) {
    const until = performance.now() + ms
    while (performance.now() < until);
  },
})
