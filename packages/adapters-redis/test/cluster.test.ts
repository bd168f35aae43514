import { createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { createCache, StoreError } from '@holdfast/core'
import { badDays, falseRedirections } from '@holdfast/lab/bad-days'
import { canarySecret } from '@holdfast/lab/canary'
import { type FakeRedis, startFakeRedis } from '@holdfast/lab/fake-redis'
import { startFaultProxy } from '@holdfast/lab/fault-proxy'
import { clusterStage, play } from '@holdfast/lab/play-bad-day'
import { watchStalls } from '@holdfast/lab/primary-changes'
import { type RedisCluster, startRedisCluster } from '@holdfast/lab/redis-cluster'
import type { RedisServer } from '@holdfast/lab/redis-server'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { slotOf } from '../src/hash-slot.ts'
import { type RedisStore, redisStore } from '../src/index.ts'

const ttlMs = 600_000
const bytes = (text: string) => Buffer.from(text)
/** A machine that is busy with other tests must not be taken for a server that does not answer. */
const slowly = { commandTimeout: 20_000 }

describe.each(['redis', 'valkey'] as const)('a cluster of %s', (engine) => {
  let cluster: RedisCluster
  beforeAll(async () => {
    // No primary is replaced here; one that is stopped for a moment shall stay one.
    cluster = await startRedisCluster({ engine, nodeTimeoutMs: 15_000 })
  })
  afterAll(() => cluster.stop())

  async function open(options = {}): Promise<RedisStore> {
    const store = redisStore({ cluster: cluster.addresses, ...slowly, ...options })
    onTestFinished(() => store.close())
    const names = Array.from({ length: 24 }, (_, index) => `ready-${index}`)
    const touched = () =>
      Promise.all(names.map((name) => store.touch(name, { ttlMs: 1 }))).then(
        () => true,
        () => false,
      )
    while (!(await touched())) await sleep(10)
    return store
  }
  const patient = { resilience: { storeTimeout: '10s' } } as const
  const counts = async () => {
    const sum: Record<string, number> = {}
    for (const node of cluster.primaries)
      for (const [name, calls] of Object.entries(await node.commandCounts()))
        sum[name] = (sum[name] ?? 0) + calls
    return sum
  }
  const forgetCounts = () =>
    Promise.all(cluster.nodes.map((node) => node.command('CONFIG', 'RESETSTAT')))
  const lagOf = async <T>(run: () => Promise<T>) => {
    let lagMs = 0
    let last = performance.now()
    const timer = setInterval(() => {
      lagMs = Math.max(lagMs, performance.now() - last - 5)
      last = performance.now()
    }, 5)
    try {
      return { result: await run(), lagMs: () => lagMs }
    } finally {
      clearInterval(timer)
    }
  }

  test('clear of 10,000 keys writes one key and leaves none readable', async () => {
    const store = await open()
    const cache = createCache({ store, memory: false, name: 'many', ...patient })
    const keys = Array.from({ length: 10_000 }, (_, index) => `key-${index}`)
    for (let at = 0; at < keys.length; at += 1_000)
      await cache.setMany(keys.slice(at, at + 1_000).map((key) => [key, key]))
    expect((await cache.getMany(keys.slice(0, 1_000))).size).toBe(1_000)
    await forgetCounts()
    await cache.clear()
    const { set = 0, del = 0, unlink = 0, scan = 0, evalsha = 0 } = await counts()
    expect(set + evalsha).toBeLessThanOrEqual(2)
    expect([del, unlink, scan]).toEqual([0, 0, 0])
    for (let at = 0; at < keys.length; at += 1_000)
      expect((await cache.getMany(keys.slice(at, at + 1_000))).size).toBe(0)
    await cache.close()
  })

  test('wrapMany and delete of keys in all slots: each once, wherever it is', async () => {
    const store = await open()
    const cache = createCache({ store, memory: false, name: 'slots', ...patient })
    const keys = Array.from({ length: 2_000 }, (_, index) => `key-${index}`)
    const owners = new Set(keys.map((key) => Math.floor(slotOf(`slots:${key}`) / 5_462)))
    expect(owners.size).toBe(3)
    const load = async (missing: string[]) => new Map(missing.map((key) => [key, key]))
    // What a busy machine had no time to claim or to store is loaded once more.
    await expect
      .poll(
        async () => {
          const before = cache.stats().loads
          expect((await cache.wrapMany(keys, load)).size).toBe(2_000)
          return cache.stats().loads - before
        },
        { timeout: 40_000 },
      )
      .toBe(0)
    const never = async (): Promise<Map<string, string>> => {
      throw new Error('everything is there')
    }
    expect([...(await cache.wrapMany(keys, never))]).toEqual(keys.map((key) => [key, key]))
    expect((await cache.getMany(keys)).size).toBe(2_000)
    await cache.delete(keys)
    expect((await cache.getMany(keys)).size).toBe(0)
    await cache.close()
  })

  test('keys that hold braces are spread like all others, and are listed as they were', async () => {
    const store = await open()
    const keys = ['{}', '{}{x}', ...Array.from({ length: 60 }, (_, index) => `{tag}:${index}`)]
    await store.setMany(keys.map((key) => ({ key, bytes: bytes(key), ttlMs })))
    expect((await store.getMany(keys)).map(String)).toEqual(keys)
    const sizes = await Promise.all(
      cluster.primaries.map(async (node) => (await node.command('KEYS', '{}*tag*')) as string[]),
    )
    expect(Math.min(...sizes.map(({ length }) => length))).toBeGreaterThan(5)
    const listed = async (prefix: string) => {
      const found: string[] = []
      for await (const key of store.list(prefix)) found.push(key)
      return found.sort()
    }
    expect(await listed('{tag}:')).toEqual(keys.slice(2).sort())
    expect(await listed('{}')).toEqual(['{}', '{}{x}'])
    await store.deleteMany(keys)
    expect(await listed('{')).toEqual([])
  })

  test('200 keys of all nodes take at most 1.5 times as long as 200 keys of one', async () => {
    const store = await open()
    const all = Array.from({ length: 2_000 }, (_, index) => `speed-${index}`)
    const spread = all.slice(0, 200)
    const onOne = all.filter((key) => slotOf(key) < 5_461).slice(0, 200)
    expect(onOne.length).toBe(200)
    for (const keys of [spread, onOne])
      await store.setMany(keys.map((key) => ({ key, bytes: Buffer.alloc(1_000), ttlMs })))
    const once = async (keys: readonly string[]) => {
      const since = performance.now()
      expect((await store.getMany(keys)).includes(undefined)).toBe(false)
      return performance.now() - since
    }
    // By turns, so that a busy machine is busy for both; the best tenth is what it costs.
    const times: [number[], number[]] = [[], []]
    for (let round = 0; round < 200; round++) {
      times[0].push(await once(spread))
      times[1].push(await once(onOne))
    }
    const [spreadMs, oneMs] = times.map((each) => each.sort((a, b) => a - b)[20]!)
    expect(spreadMs! / oneMs!).toBeLessThan(1.5)
  })

  test(`${badDays.nodeHung.title}: the others answer, and a batch answers in part`, async () => {
    // What the others answer is asked of a store that gives them time, however busy the machine is.
    const [store, hurried] = [
      await open({ commandTimeout: 3_000 }),
      await open({ commandTimeout: 500 }),
    ]
    const cache = createCache({
      ...{ store, memory: false, name: 'part', resilience: { storeTimeout: '1200ms' } },
    })
    const quick = createCache({ store: hurried, memory: false, name: 'part' })
    for (const each of [cache, quick]) each.on('error', () => {})
    const keys = Array.from({ length: 30 }, (_, index) => `key-${index}`)
    await cache.setMany(keys.map((key) => [key, key]))
    const [hung, ...others] = cluster.primaries as [RedisServer, ...RedisServer[]]
    const isOut = (key: string) => slotOf(`part:${key}`) < 5_462
    const there = keys.filter((key) => !isOut(key))
    expect(there.length).toBeGreaterThan(10)
    expect(there.length).toBeLessThan(30)
    const timed = async <T>(run: () => Promise<T>) => {
      const stalls = watchStalls(others)
      const { result, lagMs } = await lagOf(async () => {
        const since = performance.now()
        return { value: await run(), ms: performance.now() - since }
      })
      return { ...result, lateMs: lagMs() + (await stalls()) }
    }
    const ask = async () => {
      const first = await timed(() => quick.getMany(keys))
      expect(first.ms).toBeLessThan(200 + 50 + first.lateMs)
      expect([...first.value.keys()].filter(isOut)).toEqual([])
      const batch = await timed(() => cache.getMany(keys))
      expect(batch.ms).toBeLessThan(1_200 + 50 + batch.lateMs)
      expect([...batch.value.keys()].sort()).toEqual([...there].sort())
      const settled = await store.getManySettled!(keys.map((key) => `part:${key}`))
      const failed = settled.filter((answer) => answer instanceof StoreError)
      expect(failed).toHaveLength(keys.length - there.length)
      expect(failed.every(({ partial }) => partial)).toBe(true)
      // The others are not judged by it, however often it is asked.
      for (let round = 0; round < 20; round++) {
        const [one, other] = [there[round % there.length]!, keys.find(isOut)!]
        const answers = await Promise.all([cache.get(one), cache.wrap(other, () => 'loaded')])
        expect(answers).toEqual([one, 'loaded'])
      }
      const values = await cache.wrapMany(
        keys,
        async (missing) => new Map(missing.map((key) => [key, 'loaded'])),
      )
      for (const key of keys) expect(values.get(key)).toBe(isOut(key) ? 'loaded' : key)
      // Nobody waits for it any more once it is known.
      const later = await timed(() => cache.getMany(keys))
      expect(later.ms).toBeLessThan(60 + later.lateMs)
    }
    const { heal } = await play(badDays.nodeHung, clusterStage(cluster, hung), { ask })
    await heal()
    await expect
      .poll(
        async () =>
          (await store.getManySettled!(['part:key-1', 'part:key-2', 'part:key-3'])).some(
            (each) => each instanceof StoreError,
          ),
        { timeout: 20_000 },
      )
      .toBe(false)
    await cache.close()
    await quick.close()
  })

  test('nodes that are reached by other addresses than they tell each other', async () => {
    const proxies = await Promise.all(
      cluster.nodes.map(({ port }) => startFaultProxy({ upstream: { port } })),
    )
    onTestFinished(async () => {
      for (const proxy of proxies) await proxy.stop()
    })
    const natMap = Object.fromEntries(
      cluster.nodes.map(({ port }, index) => [
        `127.0.0.1:${port}`,
        { host: 'localhost', port: proxies[index]!.port },
      ]),
    )
    const store = redisStore({ cluster: [`localhost:${proxies[0]!.port}`], natMap, ...slowly })
    onTestFinished(() => store.close())
    const keys = Array.from({ length: 60 }, (_, index) => `nat-${index}`)
    const entries = keys.map((key) => ({ key, bytes: bytes(key), ttlMs }))
    await expect
      .poll(() => store.setMany(entries).then(() => 'all', String), { timeout: 5_000 })
      .toBe('all')
    expect((await store.getMany(keys)).map(String)).toEqual(keys)
    for (const proxy of proxies.slice(0, 3)) expect(proxy.accepted).toBeGreaterThan(0)
  })

  test('a user with the documented rights and no others can do all of it', async () => {
    const rights =
      '+get +mget +set +del +exists +pexpire +persist +getrange +eval +evalsha +scan +info +ping +hello +cluster|slots +asking +spublish +ssubscribe +readonly'
    for (const node of cluster.nodes)
      await node.command(
        ...[
          'ACL',
          'SETUSER',
          'anna',
          'on',
          `>${canarySecret('cluster')}`,
          '~app:*',
          '~{}app:*',
          '&holdfast:*',
        ],
        ...rights.split(' '),
      )
    const store = redisStore({
      cluster: cluster.addresses,
      username: 'anna',
      password: canarySecret('cluster'),
    })
    onTestFinished(() => store.close())
    const cache = createCache({ store, name: 'app', memory: false, ...patient })
    const troubles: string[] = []
    cache.on('error', ({ error }) => troubles.push(String(error)))
    await expect
      .poll(() => store.touch('app:a', { ttlMs: 1 }).catch(() => 'away'), { timeout: 5_000 })
      .toBe(false)
    const keys = Array.from({ length: 40 }, (_, index) => `{k}${index}`)
    await cache.setMany(keys.map((key) => [key, key]))
    expect((await cache.getMany(keys)).size).toBe(40)
    expect(await cache.wrap('cold', () => 'loaded', { tags: ['t'] })).toBe('loaded')
    await cache.invalidateTags(['t'])
    await cache.delete(keys)
    for await (const key of store.list('app:{k}')) throw new Error(`${key} is still there`)
    expect((await store.metrics()).entries).toBeGreaterThan(0)
    expect(troubles).toEqual([])
    await cache.close()
  })

  test('its metrics are those of all nodes together', async () => {
    const store = await open()
    const { entries, connections, usedBytes } = await store.metrics()
    const sizes = await Promise.all(
      cluster.primaries.map(async (node) => Number(await node.command('DBSIZE'))),
    )
    expect(entries).toBe(sizes.reduce((sum, each) => sum + each, 0))
    expect(connections).toBeGreaterThanOrEqual(3)
    expect(usedBytes).toBeGreaterThan(3_000_000)
    const byServer = await store.metricsByServer!()
    expect([...byServer.keys()].sort()).toEqual(
      cluster.primaries.map(({ port }) => `127.0.0.1:${port}`).sort(),
    )
    expect([...byServer.values()].map((each) => each.entries).sort()).toEqual(sizes.sort())
  })
})

describe('a node that is not what it says', () => {
  /** Answers CLUSTER SLOTS with itself, PING and the like, and everything else as `redirect` says. */
  async function startLiar(redirect: (slot: number) => string): Promise<FakeRedis> {
    const liar = await startFakeRedis()
    onTestFinished(() => liar.stop())
    const self = `*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n$9\r\n127.0.0.1\r\n:${liar.port}\r\n`
    liar.answerWith((command, args) => {
      if (command === 'CLUSTER') return self
      if (!['MGET', 'GET', 'SET', 'DEL', 'EVALSHA'].includes(command)) return undefined
      const name = String(args[command === 'EVALSHA' ? 2 : 0])
      return `-${redirect(slotOf(name))}\r\n`
    })
    return liar
  }
  const reads = ({ commands }: FakeRedis) => commands.filter(({ name }) => name === 'MGET').length
  const kindOf = (store: RedisStore) =>
    store.get('a').then(
      () => 'answered',
      (error: StoreError) => error.kind,
    )
  /** A first connection may take longer than a call waits for it. */
  async function untilAsked(liar: FakeRedis, store: RedisStore): Promise<number> {
    for (; reads(liar) === 0; await sleep(10)) await kindOf(store)
    return reads(liar)
  }
  async function startStranger() {
    let connections = 0
    const server = createServer((socket) => {
      connections++
      socket.destroy()
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void server.close())
    const address = server.address()
    if (address === null || typeof address === 'string') throw new Error('expected a TCP address')
    return { port: address.port, connections: () => connections }
  }

  test.each(Object.entries(falseRedirections))('leads nobody to %s', async (_, says) => {
    const stranger = await startStranger()
    const redirect = (slot: number, port: number) =>
      says
        .replace('{slot}', `${slot}`)
        .replace('{other}', `${(slot + 1) % 16_384}`)
        .replace('{port}', `${port}`)
    const liar = await startLiar((slot) => redirect(slot, stranger.port))
    const store = redisStore({ cluster: [{ host: '127.0.0.1', port: liar.port }], ...slowly })
    onTestFinished(() => store.close())
    const refused = { name: 'StoreError', kind: 'protocol' }
    await untilAsked(liar, store)
    await expect(store.get('a')).rejects.toMatchObject(refused)
    await expect(store.set('a', bytes('a'), { ttlMs })).rejects.toMatchObject(refused)
    await expect(store.delete('a')).rejects.toMatchObject(refused)
    await expect(store.setMany([{ key: 'a', bytes: bytes('a'), ttlMs }])).rejects.toMatchObject(
      refused,
    )
    const [settled] = await store.getManySettled!(['a'])
    expect(settled).toMatchObject(refused)
    const cache = createCache({ store, memory: false })
    cache.on('error', () => {})
    expect(await cache.wrap('a', () => 'loaded')).toBe('loaded')
    await cache.close()
    await sleep(50)
    expect(stranger.connections()).toBe(0)
  })

  test('sends nobody round in circles', async () => {
    let port = 0
    const liar = await startLiar((slot) => `MOVED ${slot} 127.0.0.1:${port}`)
    port = liar.port
    const store = redisStore({ cluster: [`127.0.0.1:${port}`], ...slowly })
    onTestFinished(() => store.close())
    const asked = await untilAsked(liar, store)
    await expect(store.get('a')).rejects.toMatchObject({ kind: 'unavailable', retryable: true })
    expect(reads(liar) - asked).toBeLessThan(8)
  })

  test('leads nobody in clear to a public address, also by its map', async () => {
    const liar = await startFakeRedis((command) =>
      command === 'CLUSTER'
        ? '*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n$7\r\n8.8.8.8\r\n:6379\r\n'
        : undefined,
    )
    onTestFinished(() => liar.stop())
    const store = redisStore({ cluster: [`127.0.0.1:${liar.port}`], ...slowly })
    onTestFinished(() => store.close())
    await expect.poll(() => kindOf(store), { timeout: 20_000 }).toBe('denied')
    await expect(store.get('a')).rejects.toThrow('insecure: true')
  })

  test('with a map that is none is not believed', async () => {
    const liar = await startFakeRedis((command) =>
      command === 'CLUSTER' ? '*1\r\n*3\r\n:0\r\n:99999\r\n*2\r\n$1\r\na\r\n:1\r\n' : undefined,
    )
    onTestFinished(() => liar.stop())
    const store = redisStore({ cluster: [`127.0.0.1:${liar.port}`], ...slowly })
    onTestFinished(() => store.close())
    await expect.poll(() => kindOf(store), { timeout: 20_000 }).toBe('protocol')
  })
})

describe('options', () => {
  const expected = (options: object) => () => void redisStore(options as never)
  test('of a cluster that cannot be meant are refused at once', () => {
    expect(expected({ cluster: [] })).toThrow('cluster expects nodes')
    expect(expected({ cluster: ['a b:1'] })).toThrow('cluster[0]')
    expect(expected({ cluster: ['a:99999'] })).toThrow('cluster[0]')
    expect(expected({ cluster: ['127.0.0.1'], host: 'a' })).toThrow('leave out host')
    expect(expected({ cluster: ['127.0.0.1'], db: 1 })).toThrow('leave out db')
    expect(expected({ cluster: ['8.8.8.8:6379'] })).toThrow('8.8.8.8')
    expect(expected({ sentinels: [], name: 'a' })).toThrow('sentinels expects')
    expect(expected({ sentinels: [{ host: 'a' }] })).toThrow('needs name')
    expect(expected({ sentinels: [{ host: 'a', port: -1 }], name: 'a' })).toThrow('sentinels[0]')
    expect(expected({ readFrom: 'secondary' })).toThrow('readFrom')
    expect(expected({ maxLag: '1s' })).toThrow("readFrom: 'replica'")
    expect(expected({ readFrom: 'replica', maxLag: 0 })).toThrow('maxLag')
  })
})
