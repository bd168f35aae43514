import { createCache, InvalidationError, InvalidOptionError } from '@holdfast/core'
import { parseNutcracker } from '@holdfast/core/sharding'
import { busConformance, storeConformance } from '@holdfast/core/testing'
import { startNutcracker } from '@holdfast/lab/nutcracker-proxy'
import { type RedisServer, startRedis } from '@holdfast/lab/redis-server'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type ShardedRedisOptions, shardedRedis } from '../src/index.ts'
import { connected, cut, names, story } from './shard-group.ts'

const minute = { ttlMs: 60_000 }
const text = (words: string) => new TextEncoder().encode(words)
const words = (bytes: Uint8Array | undefined) => bytes && new TextDecoder().decode(bytes)
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

let servers: RedisServer[]
beforeAll(async () => {
  servers = await Promise.all(names.map(() => startRedis()))
})
afterAll(async () => {
  await Promise.all(servers.map((server) => server.stop()))
})

const addresses = () => servers.map(({ port }) => `127.0.0.1:${port}`)

describe('over three servers', () => {
  // A machine that is busy with other tests must not be taken for a server that does not answer.
  const options = () =>
    ({ servers: addresses(), timeout: '20s', connection: { commandTimeout: 20_000 } }) as const
  const capabilities = {
    ttlGranularityMs: 1,
    maxKeyBytes: 65_536,
    maxValueBytes: 8 * 1024 * 1024,
    evicts: true,
  }
  test.concurrent.each(
    storeConformance({ create: () => connected(shardedRedis(options())), capabilities }),
  )('$name', async ({ run }) => {
    expect(await run()).toEqual({})
  })

  // One after the other: they share a channel.
  test.each(
    busConformance({
      create() {
        const store = shardedRedis(options())
        return { bus: store.bus!(), peer: store.bus!(), release: () => store.close() }
      },
    }),
  )('bus: $name', async ({ run }) => {
    await run()
  })
})

test.concurrent('a bus goes over two servers: one that dies takes no message with it', async () => {
  const own = await Promise.all(names.map(() => startRedis()))
  const store = shardedRedis({ servers: own.map(({ port }) => `127.0.0.1:${port}`) })
  const [from, to] = [store.bus!(), store.bus!()]
  try {
    const heard: number[] = []
    await new Promise<void>((resolve) => {
      to.subscribe(
        (message) => heard.push(message[0]!),
        (state) => state === 'up' && resolve(),
      )
    })
    await sleep(300)
    await from.publish(Uint8Array.of(1))
    await sleep(200)
    expect(heard).toEqual([1])
    for (const server of own) {
      await server.kill()
      await sleep(100)
      await from.publish(Uint8Array.of(heard.length + 1)).catch(() => {})
      await sleep(200)
      if (heard.length === 2) break
      await server.restart()
      await sleep(4_000)
    }
    expect(heard).toEqual([1, 2])
  } finally {
    await store.close()
    await Promise.all(own.map((server) => server.stop()))
  }
})

test('reads what was written through nutcracker, and nutcracker what it writes, key for key', async () => {
  const pool = { redis: 'true', hash: 'fnv1a_64', distribution: 'ketama', timeout: '400' }
  const lines = addresses().map((address, index) => `${address}:${index + 1} ${names[index]}`)
  const proxy = await startNutcracker({ servers: lines, pool })
  const through = new Redis({
    port: proxy.port,
    enableReadyCheck: false,
    disableClientInfo: true,
    protocol: 2,
  } as object)
  const yml = [
    'lab:',
    `  listen: 127.0.0.1:${proxy.port}`,
    ...Object.entries(pool).map(([name, value]) => `  ${name}: ${value}`),
    '  servers:',
    ...lines.map((line) => `   - ${line}`),
  ].join('\n')
  const store = await connected(shardedRedis(parseNutcracker(yml).pools.lab!))
  try {
    const keys = Array.from({ length: 400 }, (_, number) => `überfluß:${number}:{tag}`)
    await Promise.all(keys.map((key) => through.set(key, key)))
    expect((await store.getMany(keys)).map(words)).toEqual(keys)
    expect((await Promise.all(keys.map((key) => store.get(key)))).map(words)).toEqual(keys)
    await store.setMany(keys.map((key) => ({ key, bytes: text(`new ${key}`), ...minute })))
    expect(await Promise.all(keys.map((key) => through.get(key)))).toEqual(
      keys.map((key) => `new ${key}`),
    )
  } finally {
    through.disconnect()
    await store.close()
    await proxy.stop()
  }
})

test('setServers with addresses keeps the connections of servers that stay, and finds keys where they were', async () => {
  const [one, two, three] = addresses()
  const store = await connected(shardedRedis({ servers: [one!, two!], timeout: '1s' }))
  try {
    const keys = Array.from({ length: 200 }, (_, number) => `moving:${number}`)
    await store.setMany(keys.map((key) => ({ key, bytes: text(key), ...minute })))
    const before = String(await servers[0]!.command('INFO', 'stats'))
    store.setServers([one!, two!, three!], { window: '2s' })
    expect((await store.getMany(keys)).map(words)).toEqual(keys)
    expect(store.stats().foundBefore).toBeGreaterThan(40)
    const connections = (info: string) => Number(/total_connections_received:(\d+)/.exec(info)?.[1])
    const after = String(await servers[0]!.command('INFO', 'stats'))
    // One of them is the administrator's own, who asks.
    expect(connections(after) - connections(before)).toBe(1)
    expect(() => store.setServers([])).toThrow(InvalidOptionError)
    expect(() => store.setServers([one!, one!])).toThrow(InvalidOptionError)
    expect((await store.getMany(keys)).map(words)).toEqual(keys)
  } finally {
    await store.close()
  }
})

test('refuses what makes no sense before anything is opened', () => {
  const refused: [unknown, RegExp][] = [
    [{ servers: [] }, /at least one server/],
    [{ servers: ['127.0.0.1:6379', '127.0.0.1:6379'] }, /same name/],
    [{ servers: [{ weight: 1 }] }, /servers\[0\] needs a host/],
    [{ servers: ['127.0.0.1:70000'] }, /port must be/],
    [{ servers: ['127.0.0.1:0'] }, /port must be/],
    [{ servers: ['two words'] }, /must be an address/],
    [{ servers: ['8.8.8.8:6379'] }, /public/],
    [undefined, /needs servers/],
    [{ servers: ['a:1'], redis: false }, /speaks memcached/],
  ]
  for (const [options, message] of refused) {
    expect(() => shardedRedis(options as ShardedRedisOptions)).toThrow(message)
    expect(() => shardedRedis(options as ShardedRedisOptions)).toThrow(InvalidOptionError)
  }
  const fine = shardedRedis({ servers: ['[::1]:6379', '/run/redis.sock', 'localhost'] })
  expect(Object.keys(fine.stats().servers)).toEqual([
    '::1:6379',
    '/run/redis.sock',
    'localhost:6379',
  ])
})

// They own their servers and mostly wait for them.
test.concurrent.each(['fail-fast', 'gutter', 'rehash', 'replica'] as const)(
  '%s: one of three returns with old data: nothing that was deleted meanwhile is read',
  async (onFailure) => {
    const eject = onFailure === 'rehash' ? { eject: { retryAfter: '500ms' as const } } : {}
    // Nothing here is about how long it takes.
    const { proxies, store, stop } = await story({ onFailure, timeout: '1s', ...eject })
    try {
      const keys = Array.from({ length: 900 }, (_, number) => `user:${number}`)
      await store.setMany(keys.map((key) => ({ key, bytes: text('old'), ...minute })))
      const cutOff = keys.filter((key) => store.explain(key).server === 'two')
      await cut(proxies[1]!)
      for (let tries = 0; tries < 20; tries++) await store.get(cutOff[tries]!).catch(() => {})
      expect(store.stats().servers.two?.state).toBe('out')
      const deleted = cutOff.slice(0, 200)
      await Promise.allSettled(deleted.map((key) => store.delete(key)))
      await proxies[1]!.openPort()
      let stale = 0
      const startedAt = performance.now()
      while (performance.now() - startedAt < 6_000) {
        const answers = await store.getMany(deleted).catch(() => [])
        stale += answers.filter((bytes) => bytes !== undefined).length
        await sleep(20)
      }
      expect(stale).toBe(0)
      expect(store.stats().servers.two).toMatchObject({ state: 'in', missedDeletes: 0 })
      expect(words(await store.get(cutOff[201]!))).toBe('old')
    } finally {
      await stop()
    }
  },
)

test.concurrent('a cache over it reports an invalidation that a dead server did not take, and makes up for it', async () => {
  const { proxies, store, stop } = await story({ timeout: '1s' })
  const cache = createCache({
    namespace: 'report',
    store,
    memory: false,
    resilience: { storeTimeout: '5s' },
  })
  cache.on('error', () => {})
  try {
    const keys = Array.from({ length: 60 }, (_, number) => `user:${number}`)
    const wrap = (key: string, value: string) => cache.wrap(key, () => value, { tags: ['all'] })
    await Promise.all(keys.map((key) => wrap(key, 'old')))
    await cut(proxies[1]!)
    const outcomes = await Promise.allSettled(keys.map((key) => cache.delete(key)))
    const failed = outcomes.filter(({ status }) => status === 'rejected')
    expect(failed.length).toBeGreaterThan(5)
    expect(failed.length).toBeLessThan(keys.length * 0.5)
    for (const { reason } of failed as PromiseRejectedResult[])
      expect(reason).toBeInstanceOf(InvalidationError)
    await proxies[1]!.openPort()
    for (let tries = 0; tries < 300 && store.stats().servers.two?.state === 'out'; tries++)
      await sleep(20)
    expect(await Promise.all(keys.map((key) => wrap(key, 'new')))).toEqual(keys.map(() => 'new'))
  } finally {
    await cache.close()
    await stop()
  }
})
