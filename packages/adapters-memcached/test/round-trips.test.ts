import { type CacheOptions, createCache } from '@holdfast/core'
import { type FaultProxy, startFaultProxy } from '@holdfast/lab/fault-proxy'
import { type MemcachedServer, startMemcached } from '@holdfast/lab/memcached-server'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { type MemcachedProtocol, memcachedStore } from '../src/index.ts'

/** Each answer of the server takes so long, so that round trips can be counted by the time they take. */
const latencyMs = 100
const five = { tags: ['a', 'b', 'c', 'd', 'e'] }
const minute = { ttlMs: 60_000 }

describe.each<MemcachedProtocol>(['binary', 'meta'])(
  'round trips by the %s protocol',
  (protocol) => {
    let server: MemcachedServer
    let proxy: FaultProxy
    beforeAll(async () => {
      server = await startMemcached()
      proxy = await startFaultProxy({ upstream: { port: server.port } })
    })
    afterAll(async () => {
      await proxy.stop()
      await server.kill()
    })

    const patient = { commandTimeout: '20s', connectTimeout: '20s' } as const
    const opened = () => {
      const store = memcachedStore({ servers: [`127.0.0.1:${proxy.port}`], protocol, ...patient })
      onTestFinished(() => store.close())
      return store
    }
    const made = (options: CacheOptions = {}) => {
      const resilience = { storeTimeout: '20s' } as const
      const cache = createCache({ store: opened(), memory: false, resilience, ...options })
      onTestFinished(() => cache.close())
      return cache
    }

    /** Told to what is counted, so that each time can be about something new. */
    let times = 0

    /**
     * The fewest of up to ten: a busy machine makes them longer, never shorter. As soon as there are no more than are
     * due, no further try is needed; fewer would show just the same.
     */
    async function counted(run: (time: number) => Promise<unknown>, due = 1): Promise<number> {
      proxy.use({ toClient: { latencyMs } })
      try {
        let fewest = Number.POSITIVE_INFINITY
        for (let tries = 0; tries < 10 && Math.round(fewest) > due; tries++) {
          const startedAt = performance.now()
          await run(times++)
          fewest = Math.min(fewest, (performance.now() - startedAt) / latencyMs)
        }
        return Math.round(fewest)
      } finally {
        proxy.use({})
      }
    }

    test('a get, a set, a delete, a get or claim, and many keys at once are one, a replace is two', async () => {
      const store = opened()
      const head = Buffer.alloc(17, 1)
      await store.set('there', head, minute)
      const keys = Array.from({ length: 100 }, (_, index) => `many-${index}`)
      const entries = keys.map((key) => ({ key, bytes: head, ...minute }))
      expect({
        get: await counted(() => store.get('there')),
        set: await counted(() => store.set('set', head, minute)),
        delete: await counted(() => store.delete('set')),
        touch: await counted(() => store.touch('there', minute)),
        claimed: await counted((time) => store.add(`cold-${time}`, head, minute)),
        found: await counted(() => store.add('there', head, minute)),
        setMany: await counted(() => store.setMany(entries)),
        getMany: await counted(() => store.getMany(keys)),
        deleteMany: await counted(() => store.deleteMany(keys)),
        replaced: await counted(() => store.replace('there', head, head, minute), 2),
        notReplaced: await counted(() => store.replace('none', head, head, minute)),
      }).toEqual({
        get: 1,
        set: 1,
        delete: 1,
        touch: 1,
        claimed: 1,
        found: 1,
        setMany: 1,
        getMany: 1,
        deleteMany: 1,
        replaced: 2,
        notReplaced: 1,
      })
    })

    test('a hit through wrap with five declared tags is one, a get of it at most two', async () => {
      const cache = made()
      await cache.wrap('hit', () => 'v', five)
      expect(await counted(() => cache.wrap('hit', () => 'never', five))).toBe(1)
      expect(await counted(() => cache.get('hit'), 2)).toBeLessThanOrEqual(2)
    })

    test('a cold load is four: read, claim, and a replace; a delete is one', async () => {
      const cache = made()
      await cache.wrap('warm-up', () => 'v')
      expect(await counted((time) => cache.wrap(`cold-load-${time}`, () => 'v'), 4)).toBe(4)
      expect(await counted(() => cache.delete('hit'))).toBe(1)
    })
  },
)
