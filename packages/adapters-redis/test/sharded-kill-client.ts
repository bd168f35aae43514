import { createCache } from '@holdfast/core'
import { answer } from '@holdfast/lab/client-protocol'
import { load, p99 } from '@holdfast/lab/timed-load'
import { until } from '@holdfast/lab/until'
import { shardedRedis } from '../src/index.ts'
import type { Phase } from './sharded-kill-story.ts'

/** A service of the story: one cache over three servers, in a process that does nothing else. */
// A machine that is busy with other tests must not be taken for a server that does not answer.
const patient = '5s'
const ports = JSON.parse(process.argv[2]!) as number[]
const names = ['one', 'two', 'three']
const store = shardedRedis({
  servers: ports.map((port, index) => ({ name: names[index]!, host: '127.0.0.1', port })),
  timeout: patient,
  connection: { commandTimeout: 5_000 },
})
const namespace = 'kill'
const resilience = { storeTimeout: patient } as const
const cache = createCache({ namespace, store, memory: { maxAge: '20ms' }, resilience })
cache.on('error', () => {})
const busIsUp = new Promise((resolve) => cache.on('bus', resolve))

const keys = Array.from({ length: 600 }, (_, number) => `user:${number}`)
const ofTwo = new Set(keys.filter((key) => store.explain(`${namespace}:${key}`).server === 'two'))
const valueUnder = (key: string) => `value of ${key}`
const loads = new Map<string, number>()
const wrap = (key: string) =>
  cache.wrap(key, () => {
    loads.set(key, (loads.get(key) ?? 0) + 1)
    return valueUnder(key)
  })

answer({
  /** Every key is in the store, and is found there. */
  async fill() {
    await busIsUp
    // Without a memory: what was loaded before a server was connected with would be believed near for 5 s.
    const filler = createCache({ namespace, store, memory: false, bus: false, resilience })
    filler.on('error', () => {})
    let missing: readonly string[] = keys
    const isStored = async () => {
      for (let from = 0; from < missing.length; from += 50) {
        const some = missing.slice(from, from + 50)
        await Promise.all(some.map((key) => filler.wrap(key, () => valueUnder(key))))
      }
      const stored = await filler.getMany(keys)
      missing = keys.filter((key) => !stored.has(key))
      return missing.length === 0
    }
    await until('every key is stored', isStored, 30_000)
    await filler.close()
  },

  async load(perSecond: number, forMs: number): Promise<Phase> {
    loads.clear()
    const cpuBefore = process.cpuUsage()
    const calls = await load(keys, perSecond, forMs, wrap)
    const { user, system } = process.cpuUsage(cpuBefore)
    const others = calls.filter(({ key }) => !ofTwo.has(key))
    const loaded = [...loads.keys()]
    return {
      others: others.length,
      p99Ms: p99(others),
      worstMs: Math.max(...calls.map(({ ms }) => ms)),
      cpuUs: (user + system) / calls.length,
      keys: keys.length,
      loadedOfTwo: loaded.filter((key) => ofTwo.has(key)).length,
      loadedOfOthers: loaded.filter((key) => !ofTwo.has(key)).length,
      mostLoadsOfTwo: Math.max(0, ...[...ofTwo].map((key) => loads.get(key) ?? 0)),
    }
  },
})
