import { StoreError } from '@holdfast/core'
import { busConformance } from '@holdfast/core/testing'
import { canary } from '@holdfast/lab/canary'
import { bulk, startFakeRedis } from '@holdfast/lab/fake-redis'
import { startFaultProxy } from '@holdfast/lab/fault-proxy'
import { scenarios } from '@holdfast/lab/fault-scenarios'
import { type RedisServer, startRedis } from '@holdfast/lab/redis-server'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { type RedisStore, type RedisStoreOptions, redisBus, redisStore } from '../src/index.ts'
import { addScript, runScript } from '../src/scripts.ts'

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))
const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve))
const minute = { ttlMs: 60_000 }
const head = new Uint8Array(17).fill(7)
const one = Uint8Array.of(1)

function made(options: RedisStoreOptions): RedisStore {
  const store = redisStore(options)
  onTestFinished(() => store.close())
  return store
}

/** The wait for a first connection is short, and a machine that runs many tests at once may take longer. */
async function connected(store: RedisStore): Promise<void> {
  for (let tries = 0; tries < 500; tries++) {
    const failure = await store.metrics().then(
      () => undefined,
      (error: unknown) => error,
    )
    if (!(failure instanceof StoreError && failure.retryable)) return
    await sleep(10)
  }
  expect.unreachable('not connected within 5 s')
}

describe('what goes over the wire', () => {
  let server: RedisServer
  let store: RedisStore
  beforeAll(async () => {
    server = await startRedis()
    store = redisStore({ port: server.port })
  })
  afterAll(async () => {
    await store.close()
    await server.stop()
  })
  beforeEach(async () => {
    await server.command('FLUSHALL')
    await connected(store)
    await server.command('CONFIG', 'RESETSTAT')
  })
  /** Without what the test itself asked. */
  const counts = async () => {
    const { auth: _, info: __, 'config|resetstat': ___, ...own } = await server.commandCounts()
    return own
  }

  test('one get is one command', async () => {
    await store.get('a')
    expect(await counts()).toEqual({ mget: 1 })
  })

  test('50 gets of one turn are one MGET', async () => {
    await Promise.all(Array.from({ length: 50 }, (_, index) => store.get(`k${index}`)))
    expect(await counts()).toEqual({ mget: 1 })
  })

  test('gets that come from callbacks of their own are joined while one is in flight', async () => {
    const gets: Promise<unknown>[] = []
    await Promise.all(
      Array.from({ length: 50 }, async (_, index) => {
        await nextTurn()
        gets.push(store.get(`k${index}`))
      }),
    )
    await Promise.all(gets)
    const { mget = 0, ...others } = await counts()
    expect(others).toEqual({})
    expect(mget).toBeLessThanOrEqual(5)
  })

  test('more gets than one MGET should have are several', async () => {
    await Promise.all(Array.from({ length: 1_100 }, (_, index) => store.get(`k${index}`)))
    expect((await counts()).mget).toBe(3)
  })

  test('set, delete and add are one command each, replace is one script', async () => {
    await store.set('a', head, minute)
    await store.add('a', head, minute)
    await store.delete('a')
    expect(await counts()).toEqual({ set: 2, del: 1 })
    await store.replace('a', head, one, minute)
    await server.command('CONFIG', 'RESETSTAT')
    await store.set('a', head, minute)
    await store.replace('a', head, one, minute)
    // The script's own two calls count, too; a round trip is only the first.
    expect(await counts()).toEqual({ set: 2, evalsha: 1, getrange: 1 })
  })

  test('many at once are one command, or one pipeline', async () => {
    const entries = Array.from({ length: 40 }, (_, i) => ({
      key: `k${i}`,
      bytes: one,
      ttlMs: 60_000,
    }))
    await store.setMany(entries)
    await store.getMany(entries.map(({ key }) => key))
    await store.deleteMany(entries.map(({ key }) => key))
    expect(await counts()).toEqual({ set: 40, mget: 1, del: 1 })
  })

  test('no KEYS, no FLUSH, and SCAN only in list', async () => {
    for await (const _ of store.list('')) expect.unreachable()
    const names = Object.keys(await counts())
    expect(names).toEqual(['scan'])
  })

  test('a time to live is exact to the millisecond, rounded up, for days too', async () => {
    await store.set('short', one, { ttlMs: 1_500.2 })
    await store.set('week', one, { ttlMs: 604_800_000 })
    await store.set('ever', one, { ttlMs: Number.POSITIVE_INFINITY })
    const left = async (key: string) => Number(await server.command('PTTL', key))
    expect(await left('short')).toBeGreaterThan(1_300)
    expect(await left('short')).toBeLessThanOrEqual(1_501)
    expect(await left('week')).toBeGreaterThan(604_799_000)
    expect(await left('ever')).toBe(-1)
  })

  test("another program's lists and binary keys are no entries", async () => {
    await server.command('RPUSH', 'list', '1')
    await server.command('SET', Buffer.from([0x62, 0xff]), '1')
    await store.set('b', one, minute)
    expect(await store.get('list')).toBeUndefined()
    expect(await store.getMany(['list', 'b'])).toEqual([undefined, Buffer.from(one)])
    const listed: string[] = []
    for await (const key of store.list('b')) listed.push(key)
    expect(listed).toEqual(['b'])
  })

  test('metrics say what INFO says', async () => {
    await store.set('a', one, minute)
    await store.get('a')
    await store.get('gap')
    const metrics = await store.metrics()
    expect(metrics).toMatchObject({ hits: 1, misses: 1, evictions: 0, entries: 1 })
    expect(metrics.usedBytes).toBeGreaterThan(100_000)
    expect(metrics.maxConnections).toBeGreaterThan(10)
    expect(metrics).not.toHaveProperty('limitBytes')
    await server.command('CONFIG', 'SET', 'maxmemory', '50mb')
    expect((await store.metrics()).limitBytes).toBe(52_428_800)
    await server.command('CONFIG', 'SET', 'maxmemory', '0')
  })

  test('the script that adds on servers before 7.0 does as the command does', async () => {
    const client = new Redis({ port: server.port })
    onTestFinished(() => client.disconnect())
    const word = Buffer.from('word')
    const add = (bytes: string, ttl: string) =>
      runScript(client, addScript, 'a', [Buffer.from(bytes), ttl, word])
    expect(await add('first', '60000')).toEqual([[word, null]])
    expect(await add('second', '60000')).toEqual([[word, Buffer.from('first')]])
    expect(await server.command('GET', 'a')).toBe('first')
    expect(Number(await server.command('PTTL', 'a'))).toBeGreaterThan(59_000)
    await server.command('DEL', 'a')
    await add('third', '')
    expect(await server.command('PTTL', 'a')).toBe(-1)
    await server.command('SCRIPT', 'FLUSH')
    expect(await add('fourth', '')).toEqual([[word, Buffer.from('third')]])
  })

  test('a full server refuses writes with a typed error, and goes on answering and deleting', async () => {
    const full = await startRedis({
      config: { maxmemory: '3mb', 'maxmemory-policy': 'noeviction' },
    })
    onTestFinished(() => full.stop())
    const small = made({ port: full.port })
    await connected(small)
    await small.set('a', one, minute)
    let failure: unknown
    for (let index = 0; failure === undefined && index < 100; index++) {
      failure = await small
        .set(`k${index}`, new Uint8Array(100_000), minute)
        .then(() => undefined)
        .catch((error: unknown) => error)
    }
    expect(failure).toMatchObject({ kind: 'full', operation: 'set', retryable: false })
    expect((failure as StoreError).message).toContain('maxmemory')
    expect(await small.get('a')).toEqual(Buffer.from(one))
    await small.delete('a')
    expect(await small.get('a')).toBeUndefined()
  })
})

describe('what a server may answer instead', () => {
  const refusals: [string, string, boolean][] = [
    ['-LOADING Redis is loading the dataset in memory', 'unavailable', true],
    ['-MISCONF Redis is configured to save RDB snapshots', 'read-only', false],
    ["-READONLY You can't write against a read only replica.", 'read-only', true],
    ['-OOM command not allowed', 'full', false],
    ['-NOPERM this user has no permissions', 'denied', false],
    ['-BUSY Redis is busy running a script', 'unavailable', true],
    ['-MASTERDOWN Link with MASTER is down', 'unavailable', true],
    ['-CLUSTERDOWN The cluster is down', 'unavailable', true],
    ['-NOREPLICAS Not enough good replicas to write', 'read-only', false],
    ['-ERR max number of clients reached', 'overloaded', true],
    ['-WRONGTYPE Operation against a key', 'unknown', false],
    ['-SOMETHING nobody has heard of', 'unknown', false],
    [':42', 'protocol', true],
    ['$5\r\nother', 'protocol', true],
    ['*0', 'protocol', true],
  ]
  test.each(refusals)('%s is a typed failure', async (answer, kind, retryable) => {
    const server = await startFakeRedis()
    onTestFinished(() => server.stop())
    const store = made({ port: server.port })
    await connected(store)
    await store.set('a', one, minute)
    server.answerWith((name) => (name === 'SET' ? `${answer}\r\n` : undefined))
    const failure = await store.set('a', one, minute).catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(StoreError)
    expect(failure).toMatchObject({ kind, retryable, operation: 'set', store: 'redis' })
  })

  test('no value is quoted when a reply comes that nobody asked for, and the connection is replaced', async () => {
    const server = await startFakeRedis()
    onTestFinished(() => server.stop())
    const store = made({ port: server.port })
    await connected(store)
    server.answerWith((name) =>
      name === 'SET' ? `+OK\r\n$${canary.length}\r\n${canary}\r\n` : undefined,
    )
    await store.set('a', one, minute)
    await sleep(20)
    const failure = await store.set('a', one, minute).catch((error: unknown) => error as StoreError)
    expect(failure).toMatchObject({ retryable: true })
    expect(String((failure as StoreError).message)).not.toContain(canary)
    expect(String((failure as StoreError).cause)).not.toContain(canary)
  })

  test('a server before 7.0 that does not know SET with NX and GET gets the script from then on', async () => {
    let word: Buffer | undefined
    const server = await startFakeRedis((name, args) => {
      if (name === 'SET') return '-ERR syntax error\r\n'
      if (name !== 'EVALSHA') return undefined
      word = args.at(-1)
      return Buffer.concat([Buffer.from('*1\r\n*2\r\n'), bulk(word!), Buffer.from('$-1\r\n')])
    })
    onTestFinished(() => server.stop())
    const store = made({ port: server.port })
    await connected(store)
    expect(await store.add('a', one, minute)).toBeUndefined()
    expect(await store.add('a', one, minute)).toBeUndefined()
    const names = server.commands.map(({ name }) => name)
    expect(names.filter((name) => name === 'SET')).toHaveLength(1)
    expect(names.filter((name) => name === 'EVALSHA')).toHaveLength(2)
  })

  test('a replica that refuses writes is left for another connection', async () => {
    const server = await startFakeRedis((name) =>
      name === 'SET' ? '-READONLY replica\r\n' : undefined,
    )
    onTestFinished(() => server.stop())
    const store = made({ port: server.port })
    await connected(store)
    await store.set('a', one, minute).catch(() => undefined)
    const hellos = () => server.commands.filter(({ name }) => name === 'HELLO').length
    const before = hellos()
    for (let tries = 0; tries < 200 && hellos() === before; tries++) await sleep(20)
    expect(hellos()).toBe(before + 1)
  })
})

describe('a bus over a link that fails', async () => {
  const server = await startRedis()
  afterAll(() => server.stop())

  describe.each([
    ['is reset', scenarios.reset],
    ['goes silent', scenarios.blackHole],
    ['is half-open', scenarios.halfOpen],
  ])('when it %s', (words, scenario) => {
    const cases = busConformance({
      withinMs: 8_000,
      async create() {
        const channel = `cut:${words}`
        const proxy = await startFaultProxy({ upstream: { port: server.port } })
        return {
          bus: redisBus({ port: proxy.port }, { channel }),
          peer: redisBus({ port: server.port }, { channel }),
          cut() {
            proxy.use(scenario)
            if (words === 'is reset') proxy.resetAll()
          },
          heal: () => proxy.use(scenarios.healthy),
          release: () => proxy.stop(),
        }
      },
    }).filter(({ name }) => name.includes('its link is cut'))

    test.each(cases)('$name', async ({ run }) => {
      expect(await run()).toEqual({})
    })

    test('it says down within 1.1 s', async () => {
      const proxy = await startFaultProxy({ upstream: { port: server.port } })
      const bus = redisBus({ port: proxy.port }, { channel: `late:${words}` })
      onTestFinished(async () => {
        await bus.close()
        await proxy.stop()
      })
      let down = () => {}
      const isDown = new Promise<void>((resolve) => {
        down = resolve
      })
      await new Promise<void>((resolve) =>
        bus.subscribe(
          () => undefined,
          (state) => (state === 'up' ? resolve() : down()),
        ),
      )
      const startedAt = performance.now()
      proxy.use(scenario)
      if (words === 'is reset') proxy.resetAll()
      await isDown
      expect(performance.now() - startedAt).toBeLessThan(1_100)
    })
  })

  test('nothing is left of it after close: no timer, no socket', async () => {
    const proxy = await startFaultProxy({ upstream: { port: server.port } })
    onTestFinished(() => proxy.stop())
    const store = redisStore({ port: proxy.port })
    store.bus().subscribe(
      () => undefined,
      () => undefined,
    )
    await store.get('a')
    while (proxy.standing < 2) await sleep(5)
    await store.close()
    while (proxy.standing > 0) await sleep(5)
    await sleep(100)
    expect(proxy.accepted).toBe(2)
  })
})
