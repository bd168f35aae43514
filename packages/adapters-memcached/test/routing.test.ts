import { readFileSync } from 'node:fs'
import { type NutcrackerPool, parseNutcracker } from '@holdfast/core/sharding'
import { type MemcachedServer, startMemcached } from '@holdfast/lab/memcached-server'
import { startNutcracker } from '@holdfast/lab/nutcracker-proxy'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type MemcachedProtocol, memcachedStore, shardedMemcached } from '../src/index.ts'
import { getAll, storeAll } from './clients/text-client.ts'

const minute = { ttlMs: 60_000 }
const words = (found: Uint8Array | undefined) => found && Buffer.from(found).toString()
const patient = { commandTimeout: '20s', connectTimeout: '20s', timeout: '20s' } as const

let servers: MemcachedServer[]
beforeAll(async () => {
  servers = await Promise.all(Array.from({ length: 7 }, () => startMemcached()))
})
afterAll(async () => {
  await Promise.all(servers.map((server) => server.kill()))
})

interface Vectors {
  readonly yml: string
  readonly keys: readonly (string | { readonly b64: string })[]
  readonly pools: Readonly<Record<string, { readonly expected: string }>>
}
const digits = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ'
const fixtures = new URL('../../core/test/fixtures/sharding/twemproxy/', import.meta.url)

/** The pool as it was, at servers that are here. What is hashed is a server's name, which stays. */
function moved(pool: NutcrackerPool): NutcrackerPool {
  const places = pool.servers.map((server, index) => ({
    name: server.name,
    weight: server.weight,
    host: '127.0.0.1',
    port: servers[index]!.port,
  }))
  return { ...pool, servers: places }
}

// Every key is text here; a cache has no others.
describe.each([
  ['three-equal', 'binary'],
  ['seven-weighted', 'meta'],
  ['hash-tag-braces', 'binary'],
  ['aliases', 'meta'],
  ['port-11211', 'meta'],
  ['sequential-keys', 'binary'],
  ['hash-tag-same-char', 'meta'],
  ['server-order', 'binary'],
  ['point-ties', 'meta'],
  ['zero-points', 'binary'],
] as const)("twemproxy's measured decisions in %s, %s protocol", (file, protocol) => {
  const vectors = JSON.parse(readFileSync(new URL(`${file}.json`, fixtures), 'utf8')) as Vectors
  const { pools } = parseNutcracker(vectors.yml)
  // A random distribution has no place for a key.
  const names = Object.keys(vectors.pools).filter((name) => pools[name]?.distribution !== 'random')

  test('every key of every pool is on the server where twemproxy put it, and on no other', async () => {
    const texts = vectors.keys.flatMap((key, index) =>
      typeof key === 'string' ? [{ key, index }] : [],
    )
    const keys = texts.map(({ key }) => key)
    expect(names.length).toBeGreaterThan(15)
    const one = servers.map(({ address }) =>
      memcachedStore({ servers: [address], protocol, ...patient }),
    )
    try {
      for (const name of names) {
        const store = memcachedStore({ servers: moved(pools[name]!), protocol, ...patient })
        try {
          const bytes = Buffer.from(name)
          await store.setMany(keys.map((key) => ({ key, bytes, ...minute })))
          const held = await Promise.all(one.map((server) => server.getMany(keys)))
          let right = 0
          for (const [at, { index }] of texts.entries()) {
            const expected = digits.indexOf(vectors.pools[name]!.expected[index]!)
            const holders = held.flatMap((answers, server) =>
              words(answers[at]) === name ? [server] : [],
            )
            if (holders.length === 1 && holders[0] === expected) right++
          }
          expect(right, name).toBe(texts.length)
          await store.deleteMany(keys)
        } finally {
          await store.close()
        }
      }
    } finally {
      await Promise.all(one.map((server) => server.close()))
    }
  })
})

describe.each<MemcachedProtocol>(['binary', 'meta'])('over the %s protocol', (protocol) => {
  test('reads what was written through nutcracker, and nutcracker what it writes, key for key', async () => {
    const pool = { hash: 'fnv1a_64', distribution: 'ketama', hash_tag: '"{}"', timeout: '5000' }
    const lines = servers.slice(0, 4).map(({ address }, index) => `${address}:${index + 1}`)
    const proxy = await startNutcracker({ servers: lines, pool })
    const yml = [
      'lab:',
      `  listen: 127.0.0.1:${proxy.port}`,
      ...Object.entries(pool).map(([name, value]) => `  ${name}: ${value}`),
      '  servers:',
      ...lines.map((line) => `   - ${line}`),
    ].join('\n')
    const store = memcachedStore({ ...parseNutcracker(yml).pools.lab!, protocol, ...patient })
    try {
      const keys = Array.from({ length: 400 }, (_, n) => `${protocol}:überfluß:${n}:{tag${n % 50}}`)
      await storeAll(
        proxy.port,
        keys.map((key) => [key, `of ${key}`]),
      )
      expect((await store.getMany(keys)).map(words)).toEqual(keys.map((key) => `of ${key}`))
      await store.setMany(keys.map((key) => ({ key, bytes: Buffer.from(`new ${key}`), ...minute })))
      expect([...(await getAll(proxy.port, keys))]).toEqual(keys.map((key) => [key, `new ${key}`]))
    } finally {
      await store.close()
      await proxy.stop()
    }
  })

  test('setServers with addresses keeps the connections of servers that stay, and finds keys where they were', async () => {
    const [one, two, three] = servers.slice(4).map(({ address }) => address)
    const store = shardedMemcached({ servers: [one!, two!], protocol, ...patient })
    const asker = memcachedStore({ servers: [one!], protocol, ...patient })
    try {
      const keys = Array.from({ length: 200 }, (_, number) => `${protocol}:moving:${number}`)
      await store.setMany(keys.map((key) => ({ key, bytes: Buffer.from(key), ...minute })))
      const before = (await asker.metrics()).connections
      store.setServers([one!, two!, three!], { window: '2s' })
      expect((await store.getMany(keys)).map(words)).toEqual(keys)
      expect(store.stats().foundBefore).toBeGreaterThan(30)
      expect((await asker.metrics()).connections).toBe(before)
      expect(() => store.setServers([])).toThrow(/at least one server/)
      expect(() => store.setServers([one!, one!])).toThrow(/same name/)
      expect(() => store.setServers(['8.8.8.8:11211'])).toThrow(/public address/)
      expect((await store.getMany(keys)).map(words)).toEqual(keys)
    } finally {
      await Promise.all([store.close(), asker.close()])
    }
  })

  test('one of three is killed: its keys fail at once or miss, all others are answered', async () => {
    const own = await Promise.all([1, 2, 3].map(() => startMemcached()))
    const store = shardedMemcached({ servers: own.map(({ address }) => address), protocol })
    try {
      const keys = Array.from({ length: 300 }, (_, number) => `user:${number}`)
      await expect
        .poll(() =>
          store.setMany(keys.map((key) => ({ key, bytes: Buffer.from(key), ...minute }))).then(
            () => true,
            () => false,
          ),
        )
        .toBe(true)
      await own[1]!.kill()
      const theirs = keys.filter((key) => store.explain(key).server !== own[1]!.address)
      expect(theirs.length).toBeGreaterThan(150)
      await expect
        .poll(async () => {
          const answers = await store.getManySettled(keys)
          return keys.every((key, at) => {
            const answer = answers[at]
            if (theirs.includes(key)) return answer instanceof Uint8Array && words(answer) === key
            return !(answer instanceof Uint8Array)
          })
        })
        .toBe(true)
      await own[1]!.restart()
      await expect
        .poll(() => store.stats().servers[own[1]!.address]?.state, { timeout: 10_000 })
        .toBe('in')
    } finally {
      await store.close()
      await Promise.all(own.map((server) => server.kill()))
    }
  })
})
