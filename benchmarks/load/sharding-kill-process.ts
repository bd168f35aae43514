import { createCache } from '@holdfast/core'
import { answer } from '@holdfast/lab/client-protocol'
import { load, p99 } from '@holdfast/lab/timed-load'
import { until } from '@holdfast/lab/until'
import { shardedRedis } from '@holdfast/redis'

/* A service over three servers, one of which may be killed: `sharding-kill-process.ts <name> <ports as JSON>`. */

/** What a service saw while its load lasted. `Others` are the calls for keys of the servers that nobody kills. */
export interface KillPhase {
  readonly others: number
  readonly p99Ms: number
  readonly worstMs: number
  /** Of its keys, those of all servers that were loaded. */
  readonly missedShare: number
}

const names = ['one', 'two', 'three']
const ports = JSON.parse(String(process.argv[3])) as number[]
const store = shardedRedis({
  servers: ports.map((port, index) => ({ name: names[index]!, host: '127.0.0.1', port })),
})
const namespace = 'kill'
// Memory holds a key for as long as a request takes: nearly every call asks a server.
const cache = createCache({ namespace, store, memory: { maxAge: '20ms' } })
cache.on('error', () => {})
const busIsUp = new Promise((resolve) => cache.on('bus', resolve))

const keys = Array.from({ length: 600 }, (_, number) => `user:${number}`)
const isOfTwo = (key: string) => store.explain(`${namespace}:${key}`).server === 'two'
const valueUnder = (key: string) => `value of ${key}`
const loaded = new Set<string>()

answer({
  /** Every key is in the store. */
  async fill() {
    await busIsUp
    const filler = createCache({ namespace, store, memory: false, bus: false })
    filler.on('error', () => {})
    await until('every key is stored', async () => {
      for (let from = 0; from < keys.length; from += 50) {
        const some = keys.slice(from, from + 50)
        await Promise.all(some.map((key) => filler.wrap(key, () => valueUnder(key))))
      }
      return (await filler.getMany(keys)).size === keys.length
    })
    await filler.close()
  },

  async load(perSecond: number, forMs: number): Promise<KillPhase> {
    loaded.clear()
    const calls = await load(keys, perSecond, forMs, (key) =>
      cache.wrap(key, () => {
        loaded.add(key)
        return valueUnder(key)
      }),
    )
    const others = calls.filter(({ key }) => !isOfTwo(key))
    return {
      others: others.length,
      p99Ms: p99(others),
      worstMs: Math.max(...calls.map(({ ms }) => ms)),
      missedShare: loaded.size / keys.length,
    }
  },
})
