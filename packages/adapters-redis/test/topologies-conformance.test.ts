import type { Bus } from '@holdfast/core'
import { busConformance, optionalMethods, storeConformance } from '@holdfast/core/testing'
import { type RedisCluster, startRedisCluster } from '@holdfast/lab/redis-cluster'
import { type SentinelGroup, startSentinelGroup } from '@holdfast/lab/redis-sentinel'
import { Cluster, Redis } from 'ioredis'
import { Cluster as Cluster5 } from 'ioredis5'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type RedisStore, redisBus, redisStore } from '../src/index.ts'

const capabilities = {
  ttlGranularityMs: 1,
  maxKeyBytes: 65_536,
  maxValueBytes: 8 * 1024 * 1024,
  evicts: true,
}
/** 8 MiB take their time on a machine that runs many tests at once; deadlines have tests of their own. */
const patient = { commandTimeout: 20_000 }

/** The wait for a first connection is short, and a machine that runs many tests at once may take longer. */
async function connected(store: RedisStore): Promise<RedisStore> {
  // So many names have slots of every node.
  const names = Array.from({ length: 24 }, (_, index) => `connected-${index}`)
  const touched = () =>
    Promise.all(names.map((name) => store.touch(name, { ttlMs: 1 }))).then(
      () => true,
      () => false,
    )
  while (!(await touched())) await new Promise((resolve) => setTimeout(resolve, 10))
  return store
}

/** As `connected`. */
async function speaking(bus: Bus): Promise<Bus> {
  const said = () =>
    bus.publish(Buffer.from('connected')).then(
      () => true,
      () => false,
    )
  while (!(await said())) await new Promise((resolve) => setTimeout(resolve, 10))
  return bus
}

describe.each(['redis', 'valkey'] as const)('over a cluster of %s', (engine) => {
  let cluster: RedisCluster
  let handed: Cluster
  let handed5: Cluster5
  beforeAll(async () => {
    cluster = await startRedisCluster({ engine })
    handed = new Cluster([...cluster.addresses])
    handed5 = new Cluster5([...cluster.addresses])
  })
  afterAll(async () => {
    handed.disconnect()
    handed5.disconnect()
    await cluster.stop()
  })
  const nodes = () => cluster.addresses.map(({ host, port }) => `${host}:${port}`)

  const ways = {
    'connections of its own': () => redisStore({ cluster: nodes(), ...patient }),
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
    'connections of its own': (channel: string) =>
      redisBus({ cluster: nodes(), ...patient }, { channel }),
    'a client of ioredis 6': (channel: string) => redisBus(handed, { channel }),
    'a client of ioredis 5': (channel: string) => redisBus(handed5, { channel }),
  }
  describe.each(Object.keys(busWays) as (keyof typeof busWays)[])('a bus by %s', (way) => {
    let channels = 0
    const cases = busConformance({
      create: async () => {
        const channel = `conformance:${way}:${++channels}`
        const open = () => speaking(busWays[way](channel))
        return { bus: await open(), peer: await open() }
      },
    })
    test.concurrent.each(cases)('$name', async ({ run, name }) => {
      const { skipped } = await run()
      // A cut link has a test of its own.
      expect(skipped !== undefined).toBe(name.includes('its link is cut'))
    })
  })
})

describe.each(['redis', 'valkey'] as const)('over sentinels of %s', (engine) => {
  let group: SentinelGroup
  let handed: Redis
  beforeAll(async () => {
    group = await startSentinelGroup({ engine })
    handed = new Redis({ sentinels: [...group.addresses], name: group.name })
  })
  afterAll(async () => {
    handed.disconnect()
    await group.stop()
  })
  const sentinels = () => ({ sentinels: [...group.addresses], name: group.name })

  const ways = {
    'a connection of its own': () => redisStore({ ...sentinels(), ...patient }),
    'a client of ioredis 6': () => redisStore(handed, patient),
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

  let channels = 0
  const create = async () => {
    const channel = `conformance:${++channels}`
    const open = () => speaking(redisBus({ ...sentinels(), ...patient }, { channel }))
    return { bus: await open(), peer: await open() }
  }
  test.concurrent.each(busConformance({ create }))('a bus: $name', async ({ run, name }) => {
    const { skipped } = await run()
    expect(skipped !== undefined).toBe(name.includes('its link is cut'))
  })
})
