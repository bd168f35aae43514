import { busConformance, optionalMethods, storeConformance } from '@holdfast/core/testing'
import { type RedisServer, startRedis } from '@holdfast/lab/redis-server'
import { Redis } from 'ioredis'
import { Redis as Redis5 } from 'ioredis5'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type RedisClient, type RedisStore, redisBus, redisStore } from '../src/index.ts'

const capabilities = {
  ttlGranularityMs: 1,
  maxKeyBytes: 65_536,
  maxValueBytes: 8 * 1024 * 1024,
  evicts: true,
}

/** 8 MiB take their time on a machine that runs many tests at once; deadlines have tests of their own. */
const patient = { commandTimeout: 5_000 }

/** The wait for a first connection is short, and a machine that runs many tests at once may take longer. */
async function connected(store: RedisStore): Promise<RedisStore> {
  while (
    !(await store.touch('connected', { ttlMs: 1 }).then(
      () => true,
      () => false,
    ))
  ) {
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  return store
}

describe.each(['redis', 'valkey'] as const)('over %s', (engine) => {
  let server: RedisServer
  let handed: RedisClient
  let handed5: RedisClient
  beforeAll(async () => {
    server = await startRedis({ engine })
    handed = new Redis({ path: server.socketPath, username: 'default' })
    handed5 = new Redis5({ path: server.socketPath })
  })
  afterAll(async () => {
    handed.disconnect()
    handed5.disconnect()
    await server.stop()
  })

  const ways = {
    'a connection of its own': () =>
      redisStore({ port: server.port, host: '127.0.0.1', ...patient }),
    'a unix socket': () => redisStore({ path: server.socketPath, ...patient }),
    RESP2: () => redisStore({ port: server.port, protocol: 2, ...patient }),
    'a client of ioredis 6': () => redisStore(handed, patient),
    'a client of ioredis 5': () => redisStore(handed5, patient),
  }
  describe.each(Object.keys(ways) as (keyof typeof ways)[])('a store by %s', (way) => {
    test.concurrent.each(
      storeConformance({
        create: () => connected(ways[way]()),
        capabilities,
        methods: optionalMethods,
      }),
    )('$name', async ({ run }) => {
      expect(await run()).toEqual({})
    })
  })

  const busWays = {
    'a connection of its own': (channel: string) => ({
      bus: redisBus({ port: server.port }, { channel }),
      peer: redisBus({ port: server.port }, { channel }),
    }),
    'a client of ioredis 6': (channel: string) => ({
      bus: redisBus(handed, { channel }),
      peer: redisBus(handed, { channel }),
    }),
    'a client of ioredis 5': (channel: string) => ({
      bus: redisBus(handed5, { channel }),
      peer: redisBus(handed5, { channel }),
    }),
  }
  describe.each(Object.keys(busWays) as (keyof typeof busWays)[])('a bus by %s', (way) => {
    let channels = 0
    const cases = busConformance({ create: () => busWays[way](`conformance:${way}:${++channels}`) })
    test.concurrent.each(cases)('$name', async ({ run, name }) => {
      const { skipped } = await run()
      // A cut link has a test of its own, with a proxy that cuts it.
      expect(skipped !== undefined).toBe(name.includes('its link is cut'))
    })
  })
})
