import { setTimeout as sleep } from 'node:timers/promises'
import {
  createCache,
  type EncryptionKey,
  encryptedStore,
  failoverStore,
  invalidateOnEvents,
  type Store,
} from '@holdfast/core'
import { optionalMethods, storeConformance } from '@holdfast/core/testing'
import { badDays } from '@holdfast/lab/bad-days'
import { canaryKey } from '@holdfast/lab/canary'
import { play } from '@holdfast/lab/play-bad-day'
import { type RedisServer, startRedis } from '@holdfast/lab/redis-server'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { redisBus, redisStore } from '../src/index.ts'

/** Stores made of stores, over real servers. What they owe in every corner is tested where they live, over memory. */
const patient = { commandTimeout: 5_000 }
const newKey = (id: string): EncryptionKey => ({ id, secret: canaryKey(id) })

async function until(condition: () => boolean | Promise<boolean>, withinMs: number, what: string) {
  const endAt = performance.now() + withinMs
  while (!(await condition())) {
    if (performance.now() > endAt) expect.fail(`not within ${withinMs} ms: ${what}`)
    await sleep(10)
  }
}

const capabilities = {
  ttlGranularityMs: 1,
  maxKeyBytes: 65_536,
  maxValueBytes: 8 * 1024 * 1024,
  evicts: true,
}
/** What sealing adds at most. */
const sealingBytes = 124

/** The wait for a first connection is short, and a machine that runs many tests at once may take longer. */
async function connected<S extends Store>(store: S): Promise<S> {
  const asks = () =>
    store.get('connected').then(
      () => true,
      () => false,
    )
  await until(asks, 20_000, 'a connection')
  return store
}

describe.each(['redis', 'valkey'] as const)('over %s', (engine) => {
  let main: RedisServer
  let gutter: RedisServer
  beforeAll(async () => {
    main = await startRedis({ engine })
    gutter = await startRedis({ engine })
  })
  afterAll(async () => {
    await main.stop()
    await gutter.stop()
  })
  const open = ({ port }: RedisServer, settings = {}) =>
    redisStore({ host: '127.0.0.1', port, ...settings })

  describe('an encrypted store passes the conformance suite', () => {
    const keys = [newKey('one')]
    const create = () => connected(encryptedStore(open(main, patient), { keys }))
    const sealed = { encrypted: true, maxValueBytes: capabilities.maxValueBytes - sealingBytes }
    test.concurrent.each(
      storeConformance({
        create,
        capabilities: { ...capabilities, ...sealed },
        methods: optionalMethods,
      }),
    )('$name', async ({ run, name }) => {
      const { skipped } = await run()
      expect(skipped !== undefined).toBe(name.includes('heads of other lengths'))
    })
  })

  describe('a failover store passes the conformance suite', () => {
    const make = () =>
      failoverStore([open(main, patient), open(gutter, patient)], { timeout: '5s' })
    test.concurrent.each(
      storeConformance({
        create: () => connected(make()),
        capabilities,
        methods: optionalMethods,
      }),
    )('$name', async ({ run }) => {
      expect(await run()).toEqual({})
    })
  })

  test('what Redis holds of an encrypted cache shows neither values nor tags, and processes share its loads', async () => {
    const keys = [newKey('k1')]
    const stores = await Promise.all(
      [0, 1].map(() => connected(encryptedStore(open(main, patient), { keys }))),
    )
    const caches = stores.map((store) => createCache({ name: 'people', store, sensitive: true }))
    let loads = 0
    const load = async () => {
      loads++
      await sleep(50)
      return { iban: 'DE89 3704 0044 0532 0130 00' }
    }
    const asked = caches.flatMap((cache) =>
      Array.from({ length: 25 }, () => cache.wrap('7', load, { tags: ['customer-of-bank'] })),
    )
    const answers = await Promise.all(asked)
    expect(loads).toBe(1)
    expect(answers.every(({ iban }) => iban.startsWith('DE89'))).toBe(true)
    const raw = Buffer.from((await open(main, patient).get('people:7'))!).toString('latin1')
    expect(raw.length).toBeGreaterThan(100)
    for (const word of ['DE89', 'iban', 'customer-of-bank']) expect(raw).not.toContain(word)
    for (const cache of caches) await cache.close()
    for (const store of stores) await store.close!()
  })

  test(`${badDays.keysRotated.title}: not one miss, and dropping one costs one load for each of its values`, async () => {
    const [old, fresh] = [newKey('old'), newKey('fresh')]
    const stages = [[old], [old, fresh], [fresh, old], [fresh]]
    const members = await Promise.all(
      [0, 1, 2].map(async (index) => {
        const member = { stage: 0 }
        const inner = open(main, patient)
        const options = { keys: () => stages[member.stage]!, reread: 50 }
        const store = await connected(encryptedStore(inner, options))
        // Without a near tier, every call asks the store.
        const cache = createCache({
          ...{ name: 'rotation', store, bus: false, memory: false },
          resilience: { storeTimeout: '5s' },
        })
        return { index, member, store, cache }
      }),
    )
    const names = Array.from({ length: 40 }, (_, index) => `key ${index}`)
    let loads = 0
    let reads = 0
    let turning = true
    const read = async (from: (typeof members)[number], name: string) => {
      const value = await from.cache.wrap(name, () => `value ${++loads} of ${name}`, { ttl: '1h' })
      expect(value).toMatch(new RegExp(` of ${name}$`))
      reads++
    }
    for (const name of names) await read(members[0]!, name)
    const load = Promise.all(
      members.map(async (from) => {
        for (let turn = 0; turning; turn++) {
          await read(from, names[turn % names.length]!)
          // Written anew all the time, with whatever key is the first.
          if (turn % 10 === 0)
            await from.cache.set(
              names[(turn * 7) % names.length]!,
              `set of ${names[(turn * 7) % names.length]}`,
              { ttl: '1h' },
            )
        }
      }),
    )
    /** One process after the other. */
    const turnTo = async (stage: number) => {
      for (const { member } of members) {
        member.stage = stage
        await sleep(200)
      }
    }
    const raw = open(main, patient)
    const stopTurning = async () => {
      const isRenewed = async () => Buffer.from((await raw.get('rotation:/%n'))!).includes('fresh')
      await until(isRenewed, 20_000, 'the version of the namespace is sealed anew')
      turning = false
      await load
    }
    const refusals = ({ store }: (typeof members)[number]) => {
      const { plaintext, unknownKey, damaged } = store.stats().refused
      return plaintext + unknownKey + damaged
    }
    const [first] = members as [(typeof members)[0]]
    const dropOld = async () => {
      await stopTurning()
      expect(loads).toBe(names.length)
      expect(reads).toBeGreaterThan(100)
      expect(members.map(refusals)).toEqual([0, 0, 0])
      const writers = members.map(({ store }) => store.stats().writesWith)
      expect(writers).toEqual(['fresh', 'fresh', 'fresh'])
      // The plan for what is still sealed with the old key: one load each.
      const left: string[] = []
      for (const name of names) {
        const bytes = Buffer.from((await raw.get(`rotation:${name}`))!)
        if (bytes.includes(Buffer.from('old'), 17) && bytes[19] === 3) left.push(name)
      }
      expect(left.length).toBeGreaterThan(0)
      await turnTo(3)
      const isDropped = async () => {
        for (const name of left) await first.cache.get(name)
        return left.length === 0 || first.store.stats().refused.unknownKey > 0
      }
      await until(isDropped, 20_000, 'the old key is dropped')
      const before = loads
      for (const name of names) for (const from of members) await read(from, name)
      expect(loads - before).toBe(left.length)
    }
    await play(
      badDays.keysRotated,
      {},
      {
        'read with the new key too': () => turnTo(1),
        'write with the new key': () => turnTo(2),
        'drop the old key': dropOld,
      },
    )
    for (const { cache, store } of members) {
      await cache.close()
      await store.close!()
    }
  }, 60_000)

  test('main stopped: no wrap fails, loads are shared over the gutter, and what was deleted meanwhile is never read again', async () => {
    const stores = await Promise.all(
      [0, 1].map(() =>
        connected(
          failoverStore([open(main, patient), open(gutter, patient)], {
            ttl: '10s',
            timeout: '1s',
          }),
        ),
      ),
    )
    const caches = stores.map((store) =>
      createCache({
        name: 'failover',
        store,
        memory: false,
        resilience: { storeTimeout: '5s' },
      }),
    )
    const ask = (index: number, key: string, value: string) =>
      caches[index]!.wrap(key, () => value, { ttl: '1h' })
    for (const key of ['a', 'b']) expect(await ask(0, key, 'old')).toBe('old')
    main.pause()
    try {
      const bothOut = async () => {
        const answers = await Promise.all([ask(0, 'c', 'c'), ask(1, 'c', 'c')])
        expect(answers).toEqual(['c', 'c'])
        return stores.every((store) => store.stats().active === 'gutter')
      }
      await until(bothOut, 20_000, 'the gutter takes over')
      await caches[0]!.delete('a')
      expect(await ask(1, 'a', 'new')).toBe('new')
      expect(await ask(0, 'a', 'not asked for')).toBe('new')
    } finally {
      main.resume()
    }
    let reads = 0
    const back = async () => {
      for (const index of [0, 1]) {
        expect(await ask(index, 'a', 'new')).toBe('new')
        reads++
      }
      return stores.every((store) => store.stats().active === 'main')
    }
    await until(back, 15_000, 'main is believed again')
    expect(reads).toBeGreaterThan(10)
    expect(await open(main, patient).get('failover:b')).toBeDefined()
    for (const index of [0, 1]) expect(await ask(index, 'b', 'loaded again')).toBe('old')
    for (const cache of caches) await cache.close()
    for (const store of stores) await store.close()
  }, 60_000)

  test('an event that any program publishes deletes keys and tags of a cache and of a store, through a severed link again', async () => {
    const cacheStore = await connected(open(main, patient))
    const other = await connected(open(gutter, patient))
    const cache = createCache({ name: 'events', store: cacheStore })
    const bus = redisBus({ host: '127.0.0.1', port: main.port }, { channel: 'invalidate' })
    const ofCache = invalidateOnEvents(cache, bus)
    const ofStore = invalidateOnEvents(other, bus)
    await until(() => ofCache.health().status === 'up', 10_000, 'subscribed')
    await until(() => ofStore.health().status === 'up', 10_000, 'subscribed')
    const publish = (json: string) => main.command('PUBLISH', 'invalidate', json)
    for (let round = 1; round <= 2; round++) {
      await cache.set('price:7', 'old', { tags: ['prices'] })
      await cache.set('user:7', 'old')
      await other.set('user:7', Buffer.from('old'), { ttlMs: 60_000 })
      await publish('not json at all')
      await publish('{"v":1,"keys":["user:7"],"tags":["prices"]}')
      await until(async () => (await other.get('user:7')) === undefined, 5_000, 'the other store')
      await until(() => ofCache.stats().tags === round, 5_000, 'the tags')
      expect(await cache.getMany(['price:7', 'user:7'])).toEqual(new Map())
      expect(ofCache.stats()).toMatchObject({ events: round, malformed: round })
      if (round === 2) break
      await main.command('CLIENT', 'KILL', 'TYPE', 'pubsub')
      await until(() => ofCache.stats().gaps > 0, 15_000, 'the gap shows')
      await until(() => ofStore.health().status === 'up', 15_000, 'subscribed again')
      expect(ofCache.health()).toMatchObject({ status: 'up', lastGapAt: expect.any(Number) })
    }
    await ofCache.close()
    await ofStore.close()
    await bus.close()
    await cache.close()
    await cacheStore.close()
    await other.close()
  }, 60_000)
})
