import { type MemcachedServer, startMemcached } from '@holdfast/lab/memcached-server'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type MemcachedProtocol, memcachedStore } from '../src/index.ts'
import { ask, getAll, keysOf, storeAll } from './clients/text-client.ts'

const minute = { ttlMs: 60_000 }
const bytes = (words: string) => Buffer.from(words)
const words = (found: Uint8Array | undefined) => found && Buffer.from(found).toString()
const patient = { commandTimeout: '20s', connectTimeout: '20s' } as const

describe.each<MemcachedProtocol>(['binary', 'meta'])('keys over the %s protocol', (protocol) => {
  let server: MemcachedServer
  const opened: ReturnType<typeof memcachedStore>[] = []
  const open = (address = server.address) => {
    const store = memcachedStore({ servers: [address], protocol, ...patient })
    opened.push(store)
    return store
  }
  beforeAll(async () => {
    server = await startMemcached()
  })
  afterAll(async () => {
    await Promise.all(opened.map((store) => store.close()))
    await server.stop()
  })

  test('one that is a command leaves exactly one key behind, and none of its own making', async () => {
    const own = await startMemcached()
    try {
      const store = open(own.address)
      const key = 'a b\r\nset x 0 0 1\r\n1'
      await store.set(key, bytes('mine'), minute)
      expect(words(await store.get(key))).toBe('mine')
      const keys = await keysOf(own.port)
      expect(keys).toHaveLength(1)
      expect(keys[0]).toMatch(/^~hf:h:[\w-]{43}$/)
      for (const part of ['a', 'b', 'x', 'a b']) expect(await store.get(part)).toBeUndefined()
      await store.delete(key)
      expect(await keysOf(own.port)).toEqual([])
    } finally {
      await own.stop()
    }
  })

  test.each([
    ['of 250 bytes', 'k'.repeat(250)],
    ['of 251 bytes', 'k'.repeat(251)],
    ['of 8,192 bytes', 'k'.repeat(8_192)],
    ['with NUL', 'nul\0here'],
    ['that is NUL', '\0'],
    ['with a space', 'two words'],
    ['that is a space', ' '],
    ['with line ends', 'a\r\nb'],
    ['with DEL', 'a\x7f'],
    ['of another alphabet', 'Łódź:日本語:👩‍👩‍👧'],
    ['of 251 bytes in another alphabet', `x${'ä'.repeat(125)}`],
    ['like a member of an object', '__proto__'],
    ['like an option', '-h'],
  ])('one %s is stored, read, claimed, replaced, touched and deleted', async (_, key) => {
    const store = open()
    const other = `${key}!`.slice(-8_192)
    await store.set(key, bytes('one'), minute)
    expect(words(await store.get(key))).toBe('one')
    expect((await store.getMany([other, key])).map(words)).toEqual([undefined, 'one'])
    expect(words(await store.add(key, bytes('two'), minute))).toBe('one')
    expect(await store.replace(key, bytes('o'), bytes('three'), minute)).toBe(true)
    expect(await store.replace(key, bytes('o'), bytes('four'), minute)).toBe(false)
    expect(await store.touch(key, minute)).toBe(true)
    expect(words(await store.get(key))).toBe('three')
    await store.delete(key)
    expect(await store.get(key)).toBeUndefined()
    expect(await store.touch(key, minute)).toBe(false)
    expect(await store.add(key, bytes('five'), minute)).toBeUndefined()
    expect(words(await store.get(key))).toBe('five')
  })

  test('what other clients stored is found, and they find what is stored here', async () => {
    const store = open()
    const keys = ['plain', 'user:42', 'ä:日本', 'k'.repeat(250)]
    await storeAll(
      server.port,
      keys.map((key) => [key, `theirs of ${key.slice(0, 9)}`]),
    )
    expect((await store.getMany(keys)).map(words)).toEqual(
      keys.map((key) => `theirs of ${key.slice(0, 9)}`),
    )
    await store.setMany(keys.map((key) => ({ key, bytes: bytes(`ours`), ...minute })))
    expect([...(await getAll(server.port, keys))]).toEqual(keys.map((key) => [key, 'ours']))
  })

  test('flags of other clients do not matter', async () => {
    const store = open()
    await ask(server.port, 'set flagged 65535 60 5\r\nvalue\r\n', /STORED/)
    expect(words(await store.get('flagged'))).toBe('value')
    expect(await store.replace('flagged', bytes('va'), bytes('new'), minute)).toBe(true)
  })

  test('an item under a digest that is not the digest of its key is a miss, and no obstacle', async () => {
    const store = open()
    await store.set('one key', bytes('one'), minute)
    await store.set('another key', bytes('another'), minute)
    const digests = (await keysOf(server.port)).filter((key) => key.startsWith('~hf:h:'))
    for (const digest of digests)
      await ask(server.port, `set ${digest} 0 60 4\r\nfake\r\n`, /STORED/)
    expect((await store.getMany(['one key', 'another key'])).map(words)).toEqual([
      undefined,
      undefined,
    ])
    expect((await store.metrics()).damaged).toBe(2)
    expect(await store.replace('one key', bytes('f'), bytes('no'), minute)).toBe(false)
    expect(await store.add('one key', bytes('mine'), minute)).toBeUndefined()
    expect(words(await store.get('one key'))).toBe('mine')
  })
})
