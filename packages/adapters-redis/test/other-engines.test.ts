import { busConformance, optionalMethods, storeConformance } from '@holdfast/core/testing'
import { dragonflyMaxTtlMs, dragonflyRules } from '@holdfast/lab/dragonfly-rules'
import { type RedisServer, startRedis } from '@holdfast/lab/redis-server'
import {
  type Rule,
  type RuledRedis,
  redis62Rules,
  serverlessRules,
  startRuledRedis,
} from '@holdfast/lab/ruled-redis'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { slotOf } from '../src/hash-slot.ts'
import { type RedisStore, type RedisStoreOptions, redisBus, redisStore } from '../src/index.ts'
import { dragonflyUrls } from './clients/start-clients.ts'

const capabilities = {
  ttlGranularityMs: 1,
  maxKeyBytes: 65_536,
  maxValueBytes: 8 * 1024 * 1024,
  evicts: true,
}
/** 8 MiB through a server in this process take their time; deadlines have tests of their own. */
const patient = { commandTimeout: 20_000 }
const ttlMs = 600_000

async function connected(store: RedisStore): Promise<RedisStore> {
  const touched = () =>
    store.touch('connected', { ttlMs: 1 }).then(
      () => true,
      () => false,
    )
  while (!(await touched())) await new Promise((resolve) => setTimeout(resolve, 10))
  return store
}

/** The same, as a cluster of one node. */
const alone =
  (rule: Rule): Rule =>
  (command, args, port) =>
    rule(command, args, port) ??
    (command === 'CLUSTER' ? dragonflyRules()(command, args, port) : undefined)

/** Every promise of a store and a bus, wherever `at` says that the server is. */
function conformance(at: () => RedisStoreOptions) {
  test.concurrent.each(
    storeConformance({
      create: () => connected(redisStore({ ...at(), ...patient })),
      capabilities,
      methods: optionalMethods,
    }),
  )('a store: $name', async ({ run }) => {
    expect(await run()).toEqual({})
  })
  let channels = 0
  const create = async () => {
    const channel = `conformance:${++channels}`
    const open = async () => {
      const bus = redisBus({ ...at(), ...patient }, { channel })
      const said = () =>
        bus.publish(Buffer.from('connected')).then(
          () => true,
          () => false,
        )
      while (!(await said())) await new Promise((resolve) => setTimeout(resolve, 10))
      return bus
    }
    return { bus: await open(), peer: await open() }
  }
  test.concurrent.each(busConformance({ create }))('a bus: $name', async ({ run, name }) => {
    const { skipped } = await run()
    expect(skipped !== undefined).toBe(name.includes('its link is cut'))
  })
}

// Where a Dragonfly is at hand, it is asked itself: redis://host:port. So are the stories of processes that share one.
describe.each(dragonflyUrls)('a Dragonfly', (url) => {
  const { hostname: host, port } = new URL(url)
  conformance(() => ({ host, port: Number(port || 6_379) }))
  test('clamps no time to live that is asked for', async () => {
    const store = await connected(redisStore({ host, port: Number(port || 6_379) }))
    onTestFinished(() => store.close())
    await store.set('a', Buffer.from('a'), { ttlMs: 7 * 86_400_000 })
    expect(await store.touch('a', { ttlMs: 1e12 })).toBe(true)
    expect(await store.get('a')).toBeDefined()
  })
})

describe('a server with the rules', () => {
  let server: RedisServer
  beforeAll(async () => {
    server = await startRedis()
  })
  afterAll(() => server.stop())
  async function startRules(rule: Rule): Promise<RuledRedis> {
    const ruled = await startRuledRedis(server.port, rule)
    onTestFinished(() => ruled.stop())
    return ruled
  }

  describe.each([
    ['of Redis 6.2', redis62Rules, 'host'],
    ['of Redis 6.2 as a cluster', alone(redis62Rules), 'cluster'],
    ['of Dragonfly', dragonflyRules(), 'host'],
    ['of Dragonfly as an emulated cluster', dragonflyRules(), 'cluster'],
    ['of Dragonfly with cluster_mode=yes', dragonflyRules({ cluster: 'yes' }), 'cluster'],
    ['of ElastiCache Serverless', serverlessRules(slotOf), 'cluster'],
  ] as const)('%s', (_, rule, kind) => {
    let ruled: RuledRedis
    beforeAll(async () => {
      ruled = await startRuledRedis(server.port, rule)
    })
    afterAll(() => ruled.stop())
    conformance(() =>
      kind === 'host'
        ? { host: '127.0.0.1', port: ruled.port }
        : { cluster: [`127.0.0.1:${ruled.port}`] },
    )
  })

  test('of Dragonfly gets no script without its keys, and none with a shebang', async () => {
    const ruled = await startRules(dragonflyRules())
    const store = await connected(redisStore({ host: '127.0.0.1', port: ruled.port }))
    onTestFinished(() => store.close())
    await server.command('SCRIPT', 'FLUSH')
    const [a, b] = [Buffer.from('a'), Buffer.from('b')]
    await Promise.all(['x', 'y', 'z'].map((key) => store.add(key, a, { ttlMs })))
    expect(await store.replace('x', a, b, { ttlMs })).toBe(true)
    const scripts = ruled.commands.filter(({ name }) => name.startsWith('EVAL'))
    expect(scripts.length).toBeGreaterThan(2)
    for (const { name, args } of scripts) {
      expect(String(args[1])).toBe('1')
      if (name === 'EVAL') expect(String(args[0])).not.toMatch(/^#!/)
    }
  })

  test('of Dragonfly is asked by no operation for a time to live that it would clamp', async () => {
    const ruled = await startRules(dragonflyRules())
    const store = await connected(redisStore({ host: '127.0.0.1', port: ruled.port, ...patient }))
    onTestFinished(() => store.close())
    const [a, b] = [Buffer.from('a'), Buffer.from('b')]
    for (const asked of [7 * 86_400_000, dragonflyMaxTtlMs, 1e12, 1e14, Number.MAX_VALUE]) {
      const keep = { ttlMs: asked }
      await store.set('long', a, keep)
      await store.setMany([{ key: 'many', bytes: a, ...keep }])
      await Promise.all(['x', 'y', 'z'].map((key) => store.add(`${key}-${asked}`, a, keep)))
      await store.replace('long', a, b, keep)
      await store.touch('long', keep)
    }
    const asked = ruled.commands.flatMap(({ name, args }) => {
      const words = args.map(String)
      if (name === 'SET')
        return words.includes('PX') ? [Number(words[words.indexOf('PX') + 1])] : []
      if (name === 'PEXPIRE') return words[0] === 'long' ? [Number(words[1])] : []
      // Behind the key, `replace` has two strings of bytes, and `add` one.
      if (name.startsWith('EVAL')) return [Number(words[words[2] === 'long' ? 5 : 4])]
      return []
    })
    expect(new Set(asked.filter((each) => each > 1_000))).toEqual(
      new Set([604_800_000, dragonflyMaxTtlMs]),
    )
    expect(asked.length).toBeGreaterThan(20)
  })

  test('of Dragonfly, and no memory left: typed, and no reason to doubt the server', async () => {
    const ruled = await startRules(dragonflyRules({ isFull: () => true }))
    const store = await connected(redisStore({ host: '127.0.0.1', port: ruled.port, ...patient }))
    onTestFinished(() => store.close())
    const full = { name: 'StoreError', kind: 'full' }
    await expect(store.set('a', Buffer.from('a'), { ttlMs })).rejects.toMatchObject(full)
    await expect(store.add('a', Buffer.from('a'), { ttlMs })).rejects.toMatchObject(full)
    expect(await store.get('nothing')).toBeUndefined()
  })

  test('of a cluster that is taken for a single server says which option is meant', async () => {
    const ruled = await startRules(serverlessRules(slotOf))
    const store = await connected(redisStore({ host: '127.0.0.1', port: ruled.port, ...patient }))
    onTestFinished(() => store.close())
    await expect(store.getMany(['a', 'b'])).rejects.toThrow('name its nodes as cluster')
  })

  test('of ElastiCache Serverless gets no command with more arguments than it takes', async () => {
    const ruled = await startRules(serverlessRules(slotOf))
    const store = redisStore({ cluster: [`127.0.0.1:${ruled.port}`], ...patient })
    onTestFinished(() => store.close())
    const keys = Array.from({ length: 5_000 }, (_, index) => `many-${index}`)
    await store.setMany(keys.map((key) => ({ key, bytes: Buffer.from(key), ttlMs })))
    expect((await store.getMany(keys)).includes(undefined)).toBe(false)
    await store.deleteMany(keys)
    expect((await store.getMany(keys)).every((value) => value === undefined)).toBe(true)
  })
})
