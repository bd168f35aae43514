import { type FakeAnswer, type FakeRedis, startFakeRedis } from '@holdfast/lab/fake-redis'
import { type RedisServer, startRedis } from '@holdfast/lab/redis-server'
import { startRuledRedis } from '@holdfast/lab/ruled-redis'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { type RedisStoreOptions, redisStore } from '../src/index.ts'

const bulkList = (...words: string[]) =>
  `*${words.length}\r\n${words.map((word) => `$${word.length}\r\n${word}\r\n`).join('')}`

describe('sentinels', () => {
  let primary: RedisServer
  let other: RedisServer
  let replica: RedisServer
  beforeAll(async () => {
    ;[primary, other] = await Promise.all([startRedis(), startRedis()])
    replica = await startRedis({ config: { replicaof: `127.0.0.1 ${primary.port}` } })
  })
  afterAll(async () => {
    await Promise.all([primary, other, replica].map((server) => server.stop()))
  })

  async function startSentinel(port: number | null, more?: FakeAnswer): Promise<FakeRedis> {
    const sentinel = await startFakeRedis((command, args) => {
      const said = more?.(command, args)
      if (said !== undefined) return said
      if (command === 'SUBSCRIBE') {
        const channel = String(args[0])
        return `*3\r\n$9\r\nsubscribe\r\n$${channel.length}\r\n${channel}\r\n:1\r\n`
      }
      if (command !== 'SENTINEL') return undefined
      return port === null ? '*-1\r\n' : bulkList('127.0.0.1', String(port))
    })
    onTestFinished(() => sentinel.stop())
    return sentinel
  }
  function open(sentinels: readonly FakeRedis[], options: RedisStoreOptions = {}) {
    const addresses = sentinels.map(({ port }) => ({ host: '127.0.0.1', port }))
    const store = redisStore({ sentinels: addresses, name: 'lab', ...options })
    onTestFinished(() => store.close())
    return store
  }
  const written = async (store: ReturnType<typeof open>, key: string) => {
    const write = () => store.set(key, Buffer.from(key), { ttlMs: 60_000 })
    await expect
      .poll(() => write().then(() => 'written', String), { timeout: 8_000 })
      .toBe('written')
  }

  test('that do not agree are believed by majority, so that one that is cut off sends nobody astray', async () => {
    const sentinels = await Promise.all([
      startSentinel(other.port),
      startSentinel(primary.port),
      startSentinel(primary.port),
    ])
    await written(open(sentinels), 'majority')
    expect(await primary.command('EXISTS', 'majority')).toBe(1)
    expect(await other.command('EXISTS', 'majority')).toBe(0)
  })

  test('of which one answers nothing are as good as without it', async () => {
    const silent = await startFakeRedis(() => '')
    onTestFinished(() => silent.stop())
    await written(open([silent, await startSentinel(primary.port)]), 'one-silent')
    expect(await primary.command('EXISTS', 'one-silent')).toBe(1)
  })

  test('that name a replica are not believed: nothing is written to it', async () => {
    const store = open([await startSentinel(replica.port)])
    await expect(store.set('a', Buffer.from('a'), { ttlMs: 1_000 })).rejects.toMatchObject({
      kind: 'unavailable',
      retryable: true,
    })
    await expect(store.get('a')).rejects.toThrow('is none at present')
  })

  test('that do not know the name say so', async () => {
    const store = open([await startSentinel(null)])
    await expect(store.get('a')).rejects.toThrow("the sentinels know no 'lab'; see name")
  })

  test('that name what is no address, or a public one in clear, lead nowhere', async () => {
    const odd = await startSentinel(1, (command) =>
      command === 'SENTINEL' ? bulkList('__proto__ x', '99999') : undefined,
    )
    await expect(open([odd]).get('a')).rejects.toThrow('no address')
    const far = await startSentinel(1, (command) =>
      command === 'SENTINEL' ? bulkList('8.8.8.8', '6379') : undefined,
    )
    await expect(open([far]).get('a')).rejects.toThrow('insecure: true')
  })

  test('whose word is followed at once, for the name that is meant and for no other', async () => {
    const at = primary.port
    // What is published on the server behind is heard as what the sentinel announces.
    const voice = await startRedis()
    onTestFinished(() => voice.stop())
    const sentinel = await startRuledRedis(voice.port, (command) =>
      command === 'SENTINEL' ? { answer: bulkList('127.0.0.1', String(at)) } : undefined,
    )
    onTestFinished(() => sentinel.stop())
    const store = redisStore({
      sentinels: [{ host: '127.0.0.1', port: sentinel.port }],
      name: 'lab',
    })
    onTestFinished(() => store.close())
    let changes = 0
    store.onPrimaryChange(() => changes++)
    await written(store, 'before')
    await expect
      .poll(async () => voice.command('PUBSUB', 'NUMSUB', '+switch-master', '+promoted-slave'))
      .toEqual(['+switch-master', 1, '+promoted-slave', 1])
    const [from, to] = [primary.port, other.port]
    await voice.command('PUBLISH', '+switch-master', `elsewhere 127.0.0.1 ${from} 127.0.0.1 ${to}`)
    await voice.command('PUBLISH', '+switch-master', `lab 127.0.0.1 ${from} not/a/host 99999`)
    await new Promise((resolve) => setTimeout(resolve, 100))
    await store.set('still', Buffer.from('a'), { ttlMs: 60_000 })
    expect(await primary.command('EXISTS', 'still')).toBe(1)
    // The first that knows is its word, before the others have agreed.
    const promoted = `slave 127.0.0.1:${to} 127.0.0.1 ${to} @ lab 127.0.0.1 ${from}`
    await voice.command('PUBLISH', '+promoted-slave', promoted)
    await expect
      .poll(
        async () => {
          await store.set('after', Buffer.from('a'), { ttlMs: 60_000 }).catch(() => undefined)
          return other.command('EXISTS', 'after')
        },
        { timeout: 5_000 },
      )
      .toBe(1)
    expect(changes).toBe(1)
    await voice.command('PUBLISH', '+switch-master', `lab 127.0.0.1 ${to} 127.0.0.1 ${from}`)
    await written(store, 'back')
    await expect.poll(() => changes).toBe(2)
  })
})
