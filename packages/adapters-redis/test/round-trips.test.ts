import { type Cache, type CacheOptions, createCache } from '@holdfast/core'
import { type RedisServer, startRedis } from '@holdfast/lab/redis-server'
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { type RedisStore, redisStore } from '../src/index.ts'

const times = 50
const five = { tags: ['a', 'b', 'c', 'd', 'e'] }

/** What scripts call is counted too, under names of its own: the scripts of this adapter read by GETRANGE and write by SET. */
interface Counted {
  /** Commands of every kind that clients sent; beside them only what keeps a connection and a bus alive. */
  readonly sent: number
  readonly published: number
  readonly scanned: number
}

describe.each(['redis', 'valkey'] as const)('round trips to %s', (engine) => {
  let server: RedisServer
  let store: RedisStore
  beforeAll(async () => {
    server = await startRedis({ engine })
    store = redisStore({ port: server.port })
    // The server knows a script from its first use on.
    const bytes = Buffer.from('bytes')
    await store.replace('none', bytes, bytes, { ttlMs: 1_000 })
  })
  beforeEach(() => server.command('FLUSHALL'))
  afterAll(async () => {
    await store.close()
    await server.stop()
  })

  function made(options: CacheOptions = {}): Cache {
    const cache = createCache({ store, memory: false, bus: false, ...options })
    onTestFinished(() => cache.close())
    return cache
  }

  async function counted(run: (index: number) => Promise<unknown>): Promise<Counted> {
    await server.command('CONFIG', 'RESETSTAT')
    for (let index = 0; index < times; index++) await run(index)
    const counts = await server.commandCounts()
    const of = (...names: string[]) => names.reduce((sum, name) => sum + (counts[name] ?? 0), 0)
    // One GETRANGE and, where the head fits, one SET belong to each EVALSHA: here all of them fit.
    const inScripts = of('getrange')
    return {
      sent: of('get', 'mget', 'set', 'del', 'evalsha', 'eval', 'exists', 'pexpire') - inScripts,
      published: of('publish'),
      scanned: of('scan', 'keys', 'smembers', 'sscan', 'flushall', 'flushdb'),
    }
  }

  test('a hit through wrap with five declared tags is one', async () => {
    const cache = made()
    await cache.wrap('key', () => 'v', five)
    expect(await counted(() => cache.wrap('key', () => 'never', five))).toEqual({
      sent: times,
      published: 0,
      scanned: 0,
    })
  })

  test('a get of an entry with five tags is at most two, and without tags one', async () => {
    const cache = made()
    await cache.wrap('tagged', () => 'v', five)
    await cache.wrap('plain', () => 'v')
    expect((await counted(() => cache.get('tagged'))).sent).toBeLessThanOrEqual(2 * times)
    expect((await counted(() => cache.get('plain'))).sent).toBe(times)
  })

  test('a get of something that is not there is one', async () => {
    const cache = made()
    expect((await counted((index) => cache.get(`none-${index}`))).sent).toBe(times)
  })

  test('getMany and wrapMany of 100 keys that are there are one, or two for the tags they name', async () => {
    const cache = made()
    const keys = Array.from({ length: 100 }, (_, index) => `many-${index}`)
    await cache.wrapMany(keys, (missing) => missing, { ttl: '1m' })
    expect((await counted(() => cache.getMany(keys))).sent).toBe(times)
    expect((await counted(() => cache.wrapMany(keys, (missing) => missing))).sent).toBe(times)
  })

  test('a cold load is at most three, plus one publish', async () => {
    const cache = made()
    // Nobody listens to the other one, and a beat a second is all that it publishes besides.
    const telling = made({ bus: undefined, namespace: 'telling' })
    // The first use of a namespace, and of each tag, adds its version.
    for (const each of [cache, telling]) await each.wrap('first', () => 'v', five)
    const load = (on: Cache) => counted((index) => on.wrap(`cold-${index}`, () => 'v', five))
    const { sent, scanned } = await load(cache)
    expect(sent).toBeLessThanOrEqual(3 * times)
    expect(scanned).toBe(0)
    const { published } = await load(telling)
    expect(published).toBeGreaterThanOrEqual(times)
    expect(published).toBeLessThanOrEqual(times + 3)
  })

  test('a delete is one, tags two, clear one: none of them looks for keys', async () => {
    const cache = made()
    await cache.wrap('key', () => 'v', five)
    expect(await counted((index) => cache.delete(`key-${index}`))).toMatchObject({
      sent: times,
      scanned: 0,
    })
    // The tag epoch first, then the versions of all tags together, each written by a SET of one pipeline.
    expect(await counted(() => cache.invalidateTags(['a']))).toMatchObject({
      sent: 2 * times,
      scanned: 0,
    })
    expect(await counted(() => cache.clear())).toMatchObject({ sent: times, scanned: 0 })
  })

  test('expiring a tag is two round trips of three commands, and a hit after it costs no more', async () => {
    const cache = made({ defaults: { staleWhileRevalidate: '1h' } })
    await cache.wrap('key', () => 'old', five)
    // The tag epoch is written while the tag's version is read; the version then takes the place of what was read.
    expect(await counted(() => cache.expireTags(['a']))).toMatchObject({
      sent: 3 * times,
      scanned: 0,
    })
    expect((await counted(() => cache.get('key'))).sent).toBeLessThanOrEqual(2 * times)
    await cache.wrap('key', () => 'new', { ...five, refresh: true })
    expect((await counted(() => cache.wrap('key', () => 'never', five))).sent).toBe(times)
    expect(await cache.get('key')).toBe('new')
  })

  test('a set is at most two, and a hit in the near tier none', async () => {
    const cache = made()
    await cache.set('key', 'v', five)
    expect(
      (await counted((index) => cache.set(`key-${index}`, 'v', five))).sent,
    ).toBeLessThanOrEqual(2 * times)
    const near = made({ memory: {}, namespace: 'near' })
    await near.wrap('key', () => 'v', five)
    expect((await counted(() => near.wrap('key', () => 'never', five))).sent).toBe(0)
  })
})
