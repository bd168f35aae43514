import { randomBytes } from 'node:crypto'
import { createCache } from '@holdfast/core'
import { type MemcachedServer, startMemcached } from '@holdfast/lab/memcached-server'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { type MemcachedProtocol, memcachedStore } from '../src/index.ts'

const MiB = 1_024 * 1_024
const minute = { ttlMs: 60_000 }
const patient = { commandTimeout: '20s', connectTimeout: '20s' } as const

let server: MemcachedServer
beforeAll(async () => {
  server = await startMemcached({ args: ['-m', '512'] })
})
afterAll(async () => {
  await server.kill()
  await server.stop()
})

describe.each<MemcachedProtocol>(['binary', 'meta'])('much at once, %s protocol', (protocol) => {
  const opened = (options = {}) => {
    const store = memcachedStore({ servers: [server.address], protocol, ...patient, ...options })
    onTestFinished(() => store.close())
    return store
  }

  test('more keys in one call than may be pending are stored, read and deleted', async () => {
    const store = opened()
    const keys = Array.from({ length: 12_000 }, (_, index) => `${protocol}-${index}`)
    await store.setMany(keys.map((key) => ({ key, bytes: Buffer.from(key), ...minute })))
    const found = await store.getMany(keys)
    expect(found.every((bytes, index) => String(bytes) === keys[index])).toBe(true)
    await store.deleteMany(keys)
    expect((await store.getMany(keys)).every((bytes) => bytes === undefined)).toBe(true)
  })

  test('a cache deletes as many keys in one call', async () => {
    const resilience = { storeTimeout: '20s' } as const
    const cache = createCache({ store: opened(), memory: false, resilience })
    onTestFinished(() => cache.close())
    await cache.set('kept-11999', 'here')
    await cache.delete(Array.from({ length: 12_000 }, (_, index) => `kept-${index}`))
    expect(await cache.get('kept-11999')).toBeUndefined()
  })

  test('a value of more bytes than may be pending is stored and read', async () => {
    const store = opened({ maxValueBytes: 100 * MiB })
    const value = randomBytes(80 * MiB)
    await store.set('huge', value, minute)
    expect(Buffer.compare((await store.get('huge'))!, value)).toBe(0)
    await store.delete('huge')
  })
})
