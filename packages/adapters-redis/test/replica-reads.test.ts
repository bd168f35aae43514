import { setTimeout as sleep } from 'node:timers/promises'
import { createCache } from '@holdfast/core'
import { badDays } from '@holdfast/lab/bad-days'
import { beside } from '@holdfast/lab/beside'
import { type FaultProxy, startFaultProxy } from '@holdfast/lab/fault-proxy'
import { play } from '@holdfast/lab/play-bad-day'
import { startRedisCluster } from '@holdfast/lab/redis-cluster'
import { startSentinelGroup } from '@holdfast/lab/redis-sentinel'
import { type RedisServer, startRedis } from '@holdfast/lab/redis-server'
import { until } from '@holdfast/lab/until'
import { describe, expect, type TestContext, test } from 'vitest'
import { redisStore } from '../src/index.ts'

const ttlMs = 600_000
const text = (value: Uint8Array | undefined) => value && Buffer.from(value).toString()
const getsOf = async (server: RedisServer) => {
  const { get = 0, mget = 0 } = await server.commandCounts()
  return get + mget
}

// Each has servers of its own, and mostly waits for them.
describe.each(['redis', 'valkey'] as const)('a replica of %s', (engine) => {
  /** A primary, and a replica that follows it through a proxy which can delay what it is told. */
  async function start({ onTestFinished }: TestContext) {
    const primary = await startRedis({ engine })
    onTestFinished(() => primary.stop())
    const between: FaultProxy = await startFaultProxy({ upstream: { port: primary.port } })
    onTestFinished(() => between.stop())
    const replica = await startRedis({ engine, config: { replicaof: `127.0.0.1 ${between.port}` } })
    onTestFinished(() => replica.stop())
    await until('the replica follows', async () =>
      String(await replica.command('INFO', 'replication')).includes('master_link_status:up'),
    )
    const at = { host: '127.0.0.1', port: primary.port, commandTimeout: 10_000 }
    const store = redisStore({ ...at, readFrom: 'replica' })
    const writer = redisStore(at)
    onTestFinished(async () => {
      await store.close()
      await writer.close()
    })
    await expect.poll(() => writer.touch('a', { ttlMs: 1 }).catch(() => 'away')).toBe(false)
    return { primary, between, replica, store, writer }
  }

  test.concurrent('that keeps up is read from; what the process wrote itself is read from the primary', async (context) => {
    const { primary, replica, store, writer } = await start(context)
    await writer.set('a', Buffer.from('one'), { ttlMs })
    await expect
      .poll(
        async () => {
          await store.get('a').catch(() => undefined)
          return getsOf(replica)
        },
        { timeout: 5_000 },
      )
      .toBeGreaterThan(0)
    await sleep(1_100)
    await Promise.all([primary, replica].map((server) => server.command('CONFIG', 'RESETSTAT')))
    for (let round = 0; round < 20; round++) expect(text(await store.get('a'))).toBe('one')
    expect(await getsOf(primary)).toBe(0)
    expect(await getsOf(replica)).toBe(20)
    for (let round = 0; round < 200; round++) {
      const value = `own-${round}`
      await store.set('b', Buffer.from(value), { ttlMs })
      const [b] = await store.getMany(['b', 'a'])
      expect(text(b)).toBe(value)
    }
    store.changedElsewhere!(['a'])
    const before = await getsOf(primary)
    await store.get('a')
    expect(await getsOf(primary)).toBe(before + 1)
  })

  const { replicaBehind } = badDays
  test.concurrent(`${replicaBehind.title}: no read is older than 2 s, and none fails`, async (context) => {
    const { between, store, writer } = await start(context)
    const writtenAt: number[] = []
    const stopWriting = beside(async (isOn) => {
      for (let version = 0; isOn(); version++) {
        await writer.set('a', Buffer.from(String(version)), { ttlMs })
        writtenAt.push(performance.now())
        await sleep(20)
      }
    })
    await expect.poll(() => writtenAt.length).toBeGreaterThan(3)
    let oldestMs = 0
    let reads = 0
    const stopReading = beside(async (isOn) => {
      for (; isOn(); reads++) {
        const beganAt = performance.now()
        const version = Number(text(await store.get('a')) ?? -1)
        // It was the newest until the next one was acknowledged.
        const nextAt = writtenAt[version + 1] ?? beganAt
        oldestMs = Math.max(oldestMs, beganAt - nextAt)
        await sleep(5)
      }
    })
    await play(replicaBehind, { replication: between }, {})
    await stopReading()
    await stopWriting()
    expect(reads).toBeGreaterThan(100)
    expect(oldestMs).toBeLessThan(2_000)
  })

  test.concurrent('does not give a near tier what was deleted elsewhere', async (context) => {
    const { between, primary, store } = await start(context)
    // A busy machine must not be taken for a server that does not answer.
    const options = {
      name: 'near',
      defaults: { jitter: 0, earlyRefresh: false },
      resilience: { storeTimeout: '5s' },
    } as const
    const reading = createCache({ store, ...options })
    const other = redisStore({ host: '127.0.0.1', port: primary.port, commandTimeout: 10_000 })
    const changing = createCache({ store: other, ...options })
    context.onTestFinished(async () => {
      await reading.close()
      await changing.close()
      await other.close()
    })
    await sleep(1_200)
    for (let round = 0; round < 10; round++) {
      const key = `key-${round}`
      await changing.set(key, 'old', { tags: ['t'] })
      // It comes to the replica a moment later.
      await expect.poll(() => reading.get(key), { timeout: 5_000, interval: 10 }).toBe('old')
    }
    await sleep(1_200)
    // A moment in which the replica counts as close enough, and is behind.
    between.use({ toClient: { latencyMs: 700 } })
    await changing.delete(Array.from({ length: 5 }, (_, round) => `key-${round}`))
    await changing.invalidateTags(['t'])
    await sleep(100)
    for (let round = 0; round < 10; round++)
      expect(await reading.get(`key-${round}`)).toBeUndefined()
  })
})

test.concurrent('replicas that sentinels and clusters name are read from', async ({
  onTestFinished,
}) => {
  const group = await startSentinelGroup()
  onTestFinished(() => group.stop())
  const cluster = await startRedisCluster()
  onTestFinished(() => cluster.stop())
  const stores = {
    sentinels: redisStore({
      sentinels: [...group.addresses],
      name: group.name,
      readFrom: 'replica',
      commandTimeout: 10_000,
    }),
    cluster: redisStore({
      cluster: cluster.addresses,
      readFrom: 'replica',
      maxLag: '500ms',
      commandTimeout: 10_000,
    }),
  }
  const replicas = { sentinels: group.servers.slice(1), cluster: cluster.nodes.slice(3) }
  const keys = Array.from({ length: 60 }, (_, index) => `key-${index}`)
  for (const kind of ['sentinels', 'cluster'] as const) {
    const store = stores[kind]
    onTestFinished(() => store.close())
    const entries = keys.map((key) => ({ key, bytes: Buffer.from(key), ttlMs }))
    await expect
      .poll(() => store.setMany(entries).then(() => 'written', String), { timeout: 5_000 })
      .toBe('written')
    const readsOf = async () =>
      (await Promise.all(replicas[kind].map(getsOf))).reduce((sum, each) => sum + each, 0)
    await expect
      .poll(
        async () => {
          const answers = await store.getMany(keys)
          expect(answers.map(text)).toEqual(keys)
          return readsOf()
        },
        { timeout: 8_000 },
      )
      .toBeGreaterThan(0)
    expect(text(await store.get('key-7'))).toBe('key-7')
  }
})
