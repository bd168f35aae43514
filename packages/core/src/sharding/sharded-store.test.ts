import { describe, expect, test } from 'vitest'
import { ClosedError, InvalidOptionError, StoreError } from '../errors.ts'
import { memoryStore } from '../store/memory-store.ts'
import type { Store } from '../store/store.ts'
import { fakeClock } from '../testing/fake-clock.ts'
import { faultyStore, type StoreFault } from '../testing/faulty-store.ts'
import { storeConformance } from '../testing/store-conformance.ts'
import type { ShardedStoreOptions } from './sharded-options.ts'
import { type ShardedStore, shardedStore } from './sharded-store.ts'

const minute = { ttlMs: 60_000 }
const text = (words: string) => new TextEncoder().encode(words)
const words = (bytes: Uint8Array | undefined) => bytes && new TextDecoder().decode(bytes)
const dead: readonly StoreFault[] = [{ kind: 'reject' }]
const frozen: readonly StoreFault[] = [{ kind: 'hang' }]

/** Three servers of memory that keep what they have while they are dead, on one clock. */
function lab(
  options: Partial<ShardedStoreOptions> = {},
  names: readonly string[] = ['a', 'b', 'c'],
) {
  const clock = fakeClock()
  const memories = names.map((name) => memoryStore({ name, clock }))
  const inner = memories.map((memory) => faultyStore(memory, { clock, faults: [] }))
  const servers = inner.map((store, index) => ({ name: names[index]!, store: store as Store }))
  const store = shardedStore({ servers, clock, ...options })
  const index = (name: string) => names.indexOf(name)
  return {
    clock,
    store,
    servers,
    memory: (name: string) => memories[index(name)]!,
    server: (name: string) => inner[index(name)]!,
    kill: (name: string, faults = dead) => inner[index(name)]!.play(faults),
    revive: (name: string) => inner[index(name)]!.heal(),
    /** The first key that the ring gives to this server. */
    keyOf: (name: string, prefix = 'k') => keyOn(store, name, prefix),
  }
}

function keyOn(store: ShardedStore, name: string, prefix = 'k'): string {
  for (let number = 0; ; number++) {
    const key = `${prefix}${number}`
    if (store.explain(key).server === name) return key
  }
}

/** Fails often enough that the server is taken out. */
async function takeOut({ store, clock }: ReturnType<typeof lab>, key: string) {
  for (let tries = 0; tries < 5; tries++) {
    const read = store.get(key).catch(() => {})
    await clock.advance(150)
    await read
  }
}

describe('over stores in memory', () => {
  for (const onFailure of ['fail-fast', 'gutter', 'rehash', 'replica'] as const) {
    const create = () => {
      const clock = fakeClock()
      const servers = ['a', 'b', 'c'].map((name) => ({
        name,
        store: memoryStore({ name, clock, maxKeyBytes: 4_096, maxValueBytes: 1_048_576 }),
      }))
      const store = shardedStore({ servers, onFailure, clock })
      return { store, advance: (ms: number) => clock.advance(ms) }
    }
    const { capabilities } = create().store
    for (const { name, run } of storeConformance({ create, capabilities })) {
      test(`${onFailure}: ${name}`, async () => {
        await run()
      })
    }
  }
})

describe('routing', () => {
  test('each key is on the server that the ring names, and nowhere else', async () => {
    const { store, memory } = lab()
    for (let number = 0; number < 200; number++) {
      const key = `user:${number}`
      await store.set(key, text(key), minute)
      const { server, answeredBy } = store.explain(key)
      expect(answeredBy).toBe(server)
      for (const name of ['a', 'b', 'c']) {
        expect(words(await memory(name).get(key))).toBe(name === server ? key : undefined)
      }
    }
  })

  test('gets of one turn of the event loop go to each server as one operation', async () => {
    const { store, server } = lab()
    const keys = Array.from({ length: 100 }, (_, number) => `user:${number}`)
    await store.setMany(keys.map((key) => ({ key, bytes: text(key), ...minute })))
    const all = await Promise.all(keys.map((key) => store.get(key)))
    expect(all.map(words)).toEqual(keys)
    for (const name of ['a', 'b', 'c']) {
      expect(server(name).calls('getMany')).toBe(1)
      expect(server(name).calls('get')).toBe(0)
      expect(server(name).calls('setMany')).toBe(1)
    }
  })

  test('explain counts sockets, which is what goes without a proxy', () => {
    const { store } = lab({ processes: 2_000, socketsPerServer: 2 })
    expect(store.explain('k').sockets).toEqual({ perProcess: 6, perServer: 4_000, total: 12_000 })
  })

  test('one key that is too long is not the failure of the others of its turn', async () => {
    const clock = fakeClock()
    const servers = ['a', 'b'].map((name) => ({
      name,
      store: memoryStore({ name, clock, maxKeyBytes: 20 }),
    }))
    const store = shardedStore({ servers, clock })
    await store.set('short', text('1'), minute)
    const long = expect(store.get('x'.repeat(30))).rejects.toThrow(/at most 20 bytes, not of 30/)
    expect(words(await store.get('short'))).toBe('1')
    await long
  })
})

describe('options', () => {
  const store = memoryStore()
  const servers = [{ name: 'a', store }]
  const refused: [string, unknown, RegExp][] = [
    ['no servers', { servers: [] }, /at least one server/],
    ['two of one name', { servers: [...servers, ...servers] }, /same name/],
    ['a nameless server', { servers: [{ store }] }, /needs a name/],
    [
      'a server without a store',
      { servers: [{ name: 'a' }] },
      /servers\[0\]\.store must be a store/,
    ],
    ['a weight of 0', { servers: [{ name: 'a', weight: 0, store }] }, /weight must be/],
    ['a port of 70000', { servers: [{ host: '::1', port: 70_000, store }] }, /port must be/],
    ['an unknown policy', { servers, onFailure: 'hope' }, /onFailure must be one of/],
    ['a misspelt option', { servers, onFailur: 'gutter' }, /did you mean 'onFailure'/],
    ['chance', { servers, distribution: 'random' }, /must not be 'random'/],
    ['a gutter that is not used', { servers, gutter: store }, /gutter is used with/],
    ['no time at all', { servers, timeout: 0 }, /timeout must be above 0/],
    ['blind faith', { servers, eject: { probe: false } }, /probe must be true/],
  ]
  for (const [what, options, message] of refused) {
    test(`${what} is refused`, () => {
      const make = () => shardedStore(options as ShardedStoreOptions)
      expect(make).toThrow(InvalidOptionError)
      expect(make).toThrow(message)
    })
  }

  test('a pool of twemproxy is taken as it is, ejection included', async () => {
    const { store, kill, keyOf } = lab({
      ...({ compat: 'twemproxy', autoEjectHosts: true, serverFailureLimit: 1 } as object),
      ...({
        serverRetryTimeout: 30_000,
        backlog: 512,
        listen: '127.0.0.1:1',
        redis: false,
      } as object),
    })
    const key = keyOf('b')
    kill('b')
    await expect(store.get(key)).rejects.toThrow(StoreError)
    await store.set(key, text('moved'), minute)
    expect(words(await store.get(key))).toBe('moved')
    expect(store.explain(key).answeredBy).not.toBe('b')
  })
})

describe('a server that is dead', () => {
  test('costs its own keys and no others, and says so of each', async () => {
    const { store, kill, keyOf } = lab()
    const [onA, onB] = [keyOf('a'), keyOf('b')]
    await store.setMany([onA, onB].map((key) => ({ key, bytes: text(key), ...minute })))
    kill('b')
    const answers = await store.getMany([onA, onB, onA])
    expect(answers.map(words)).toEqual([onA, undefined, onA])
    const settled = await store.getManySettled([onA, onB, 'missing-on-a'])
    expect(words(settled[0] as Uint8Array)).toBe(onA)
    expect(settled[1]).toBeInstanceOf(StoreError)
    expect(settled[1]).toMatchObject({ kind: 'unavailable', partial: true })
  })

  test('fails at once after three failures one after the other, and releases those who wait for it', async () => {
    const { store, kill, keyOf, clock, server } = lab()
    const key = keyOf('b')
    await store.get(key)
    await clock.advance(1)
    kill('b', frozen)
    for (let times = 0; times < 3; times++) {
      const burst = Promise.allSettled([0, 1, 2, 3].map(() => store.getMany([key])))
      await clock.advance(99)
      expect(store.stats().servers.b?.state).toBe('in')
      const last = expect(store.getMany([key])).rejects.toThrow(
        times === 2 ? /does not answer at present/ : /100 ms/,
      )
      await clock.advance(1)
      for (const call of await burst) expect(call).toMatchObject({ status: 'rejected' })
      if (times < 2) await clock.advance(99)
      await last
    }
    const before = server('b').calls('get') + server('b').calls('getMany')
    await expect(store.get(key)).rejects.toMatchObject({ kind: 'unavailable', partial: true })
    expect(server('b').calls('get') + server('b').calls('getMany')).toBe(before)
    expect(store.stats().servers.b).toMatchObject({ state: 'out', timedOut: 11, ejects: 1 })
  })

  test('is told from a client that is busy: what runs out of time while others are answered takes nobody out', async () => {
    const { store, kill, keyOf, clock } = lab()
    const [slow, quick] = [keyOf('b', 'slow'), keyOf('b', 'quick')]
    await store.get(quick)
    kill('b', [{ kind: 'hang', key: slow }])
    const late: Promise<unknown>[] = []
    for (let times = 0; times < 50; times++) {
      late.push(store.getMany([slow]).catch((error: StoreError) => error.kind))
      await store.get(quick)
      await clock.advance(3)
    }
    await clock.advance(60)
    await store.get(quick)
    await clock.advance(60)
    expect(await Promise.all(late)).toEqual(new Array(50).fill('timeout'))
    expect(store.stats().servers.b).toMatchObject({ state: 'in', ejects: 0 })
    for (let times = 0; times < 300; times++) {
      store.getMany([slow]).catch(() => {})
      store.getMany([slow]).catch(() => {})
      await store.get(quick).catch(() => {})
      await clock.advance(10)
    }
    expect(store.stats().servers.b?.ejects).toBeGreaterThan(0)
    await store.close()
  })

  test('may take half a second to be connected with', async () => {
    const { store, kill, revive, keyOf, clock } = lab()
    kill('b', frozen)
    for (let passed = 0; passed < 400; passed += 100) {
      const read = expect(store.getMany([keyOf('b')])).rejects.toThrow(/100 ms/)
      await clock.advance(100)
      await read
    }
    expect(store.stats().servers.b?.state).toBe('in')
    revive('b')
    expect(await store.get(keyOf('b'))).toBe(undefined)
  })

  test('makes one error for all calls of an absence, which shows the stack of none of them', async () => {
    const world = lab({ quarantine: 0 })
    const { store, kill, revive, keyOf, clock } = world
    const key = keyOf('b')
    const errorOf = (call: Promise<unknown>) => call.catch((error: StoreError) => error)
    kill('b')
    await takeOut(world, key)
    const first = (await errorOf(store.get(key))) as StoreError
    expect(first).toMatchObject({ kind: 'unavailable', operation: 'get', partial: true })
    expect(first.stack).toBe(`StoreError: ${first.message}`)
    expect(await errorOf(store.get(keyOf('b', 'other')))).toBe(first)
    const [one, , two] = await store.getManySettled([key, keyOf('a'), keyOf('b', 'other')])
    expect(one).toMatchObject({ kind: 'unavailable', operation: 'getMany', partial: true })
    expect(two).toBe(one)
    revive('b')
    await clock.advance(2_000)
    expect(await store.get(key)).toBe(undefined)
    kill('b')
    await takeOut(world, key)
    expect(await errorOf(store.get(key))).not.toBe(first)
    expect(store.stats().unreadable).toBeGreaterThan(4)
  })

  test('whose fellows go out too is told of as the whole store from then on', async () => {
    const world = lab()
    const { store, kill, keyOf } = world
    kill('b')
    await takeOut(world, keyOf('b'))
    await expect(store.get(keyOf('b'))).rejects.toMatchObject({ partial: true })
    for (const name of ['a', 'c']) {
      kill(name)
      await takeOut(world, keyOf(name))
    }
    await expect(store.get(keyOf('b'))).rejects.toMatchObject({ partial: false })
  })

  test('that is all there is makes whole calls fail, and not parts of them', async () => {
    const { store, kill, clock } = lab({}, ['only'])
    kill('only')
    for (let tries = 0; tries < 5; tries++) {
      await expect(store.get('k')).rejects.toMatchObject({ partial: false })
      await expect(store.getMany(['k', 'l'])).rejects.toMatchObject({ partial: false })
    }
    await clock.advance(1)
  })

  test('answers that refuse a key or a value say nothing about its health', async () => {
    const { store, kill, keyOf } = lab()
    const error = new StoreError('no', { kind: 'denied' })
    kill('b', [{ kind: 'reject', error }])
    for (let tries = 0; tries < 10; tries++) await expect(store.get(keyOf('b'))).rejects.toBe(error)
    expect(store.stats().servers.b).toMatchObject({ state: 'in', errors: 0 })
  })

  for (const onFailure of ['fail-fast', 'gutter', 'rehash', 'replica'] as const) {
    test(`${onFailure}: that returns with old data gives back nothing that was deleted or replaced meanwhile`, async () => {
      const world = lab({ onFailure, eject: { failureLimit: 2, retryAfter: '250ms' } })
      const { store, kill, revive, clock } = world
      const keys = Array.from({ length: 300 }, (_, number) => `user:${number}`)
      await store.setMany(keys.map((key) => ({ key, bytes: text('old'), ...minute })))
      const onB = keys.filter((key) => store.explain(key).server === 'b')
      kill('b')
      await takeOut(world, onB[0]!)
      const [deleted, replaced] = [onB.slice(0, 20), onB.slice(20, 40)]
      await store.deleteMany(deleted).catch(() => {})
      for (const key of replaced) {
        await store.set(key, text('new'), minute).catch(() => store.delete(key).catch(() => {}))
      }
      revive('b')
      for (let passed = 0; passed < 4_000; passed += 50) {
        const answers = await store.getMany([...deleted, ...replaced]).catch(() => [])
        for (const [index, bytes] of answers.entries()) {
          const allowed = index < deleted.length ? [undefined] : [undefined, 'new']
          expect(allowed).toContain(words(bytes))
        }
        await clock.advance(50)
      }
      expect(store.stats().servers.b).toMatchObject({ state: 'in', missedDeletes: 0 })
      const untouched = onB[50]!
      expect(words(await store.get(untouched))).toBe('old')
    })

    test(`${onFailure}: a value that was stored elsewhere meanwhile does not come back at its next death`, async () => {
      const world = lab({
        onFailure,
        eject: { failureLimit: 1, retryAfter: '100ms' },
        quarantine: 0,
      })
      const { store, kill, revive, clock, keyOf } = world
      const key = keyOf('b')
      await store.set(key, text('first'), minute)
      kill('b')
      await takeOut(world, key)
      await store.set(key, text('elsewhere'), minute).catch(() => {})
      revive('b')
      await clock.advance(2_000)
      expect(store.stats().servers.b?.state).toBe('in')
      await store.delete(key)
      kill('b')
      await takeOut(world, key)
      expect(words(await store.get(key).catch(() => undefined))).toBe(undefined)
    })
  }

  test('is watched for a second before it is believed, so flapping does not let it in', async () => {
    const world = lab()
    const { store, kill, revive, clock, keyOf } = world
    const key = keyOf('b')
    kill('b')
    await takeOut(world, key)
    for (let seconds = 0; seconds < 60; seconds++) {
      revive('b')
      await clock.advance(500)
      kill('b')
      await clock.advance(500)
      expect(store.stats().servers.b?.state).toBe('out')
    }
    expect(store.stats().servers.b?.ejects).toBe(1)
    revive('b')
    await clock.advance(3_000)
    expect(store.stats().servers.b?.state).toBe('in')
  })

  test('and whose journal is full makes further deletes fail rather than be forgotten', async () => {
    const world = lab({ onFailure: 'gutter', journal: 5 })
    const { store, kill, clock } = world
    kill('b')
    const onB = Array.from({ length: 100 }, (_, number) => `user:${number}`).filter(
      (key) => store.explain(key).server === 'b',
    )
    await takeOut(world, onB[0]!)
    for (const key of onB.slice(0, 5)) await store.delete(key)
    await expect(store.delete(onB[5]!)).rejects.toMatchObject({ kind: 'overloaded' })
    await expect(store.delete(onB[5]!)).rejects.toThrow(/raise journal/)
    await store.delete(onB[0]!)
    await clock.advance(1)
  })

  test('a delete that one server did not take is made up for while it is in, and not believed until then', async () => {
    const { store, kill, revive, clock, keyOf, memory } = lab()
    const key = keyOf('b')
    await store.set(key, text('old'), minute)
    kill('b', [{ kind: 'reject', on: 'delete' }])
    await expect(store.delete(key)).rejects.toThrow(StoreError)
    expect(await store.get(key)).toBe(undefined)
    expect((await store.getMany([key]))[0]).toBe(undefined)
    revive('b')
    await clock.advance(300)
    expect(await memory('b').get(key)).toBe(undefined)
    expect(store.stats().servers.b?.missedDeletes).toBe(0)
    await store.set(key, text('new'), minute)
    expect(words(await store.get(key))).toBe('new')
  })

  test('gutter: its keys live for a short while on the others, or in a store of their own', async () => {
    for (const own of [false, true]) {
      const gutter = memoryStore({ name: 'gutter' })
      const world = lab({ onFailure: 'gutter', ...(own ? { gutter } : {}), gutterTtl: '2s' })
      const { store, kill, clock, keyOf } = world
      const key = keyOf('b')
      kill('b')
      await takeOut(world, key)
      await store.set(key, text('1'), minute)
      expect(words(await store.get(key))).toBe('1')
      expect(words(await gutter.get(key))).toBe(own ? '1' : undefined)
      const [there, missing] = await store.getManySettled([key, keyOf('b', 'other')])
      expect(words(there as Uint8Array)).toBe('1')
      expect(missing).toBe(null)
      if (!own) {
        await clock.advance(2_100)
        expect(await store.get(key)).toBe(undefined)
      }
    }
  })

  test('replica: its keys are read and written on their second server', async () => {
    const world = lab({ onFailure: 'replica' })
    const { store, kill, keyOf, server } = world
    const key = keyOf('b')
    await store.set(key, text('1'), minute)
    kill('b')
    expect(words(await store.get(key))).toBe('1')
    await takeOut(world, key)
    expect(words(await store.get(key))).toBe('1')
    expect(store.explain(key).answeredBy).not.toBe('b')
    await store.delete(key)
    expect(await store.get(key)).toBe(undefined)
    expect(server('b').calls('delete')).toBe(0)
  })
})

describe('setServers', () => {
  test('finds with their former server what the new one does not have yet, for as long as the window', async () => {
    const { store, servers, clock } = lab({}, ['a', 'b', 'c'])
    const keys = Array.from({ length: 300 }, (_, number) => `user:${number}`)
    await store.setMany(keys.map((key) => ({ key, bytes: text(key), ...minute })))
    const d = { name: 'd', store: memoryStore({ name: 'd', clock }) }
    store.setServers([...servers, d], { window: '10s' })
    const moved = keys.filter((key) => store.explain(key).server === 'd')
    expect(moved.length).toBeGreaterThan(30)
    expect((await store.getMany(keys)).map(words)).toEqual(keys)
    expect(words(await store.get(moved[0]!))).toBe(moved[0])
    expect(store.stats().foundBefore).toBe(moved.length + 1)
    expect(store.explain(moved[0]!).before).toBeDefined()
    await store.set(moved[1]!, text('new'), minute)
    await store.delete(moved[2]!)
    await clock.advance(10_001)
    const after = await store.getMany(moved.slice(0, 3))
    expect(after.map(words)).toEqual([undefined, 'new', undefined])
  })

  test('what is deleted or replaced in the window does not come back from the former server', async () => {
    const { store, servers, clock } = lab()
    const keys = Array.from({ length: 100 }, (_, number) => `user:${number}`)
    await store.setMany(keys.map((key) => ({ key, bytes: text('old'), ...minute })))
    const d = { name: 'd', store: memoryStore({ name: 'd', clock }) }
    store.setServers([...servers, d], { window: '30s' })
    const moved = keys.filter((key) => store.explain(key).server === 'd')
    await store.deleteMany(moved.slice(0, 5))
    await store.set(moved[5]!, text('brief'), { ttlMs: 1_000 })
    await clock.advance(1_500)
    expect((await store.getMany(moved.slice(0, 6))).map(words)).toEqual(
      new Array(6).fill(undefined),
    )
    const there = await store.add!(moved[6]!, text('claim'), minute)
    expect(words(there)).toBe('old')
    expect(await store.replace!(moved[6]!, text('old'), text('newer'), minute)).toBe(true)
    expect(words(await store.get(moved[6]!))).toBe('newer')
    expect(await store.touch!(moved[7]!, minute)).toBe(true)
  })

  test('refuses an empty list, a duplicate and a store that can do less, and goes on with the servers it has', async () => {
    const { store, servers, keyOf } = lab()
    const key = keyOf('a')
    await store.set(key, text('1'), minute)
    const { add: _, ...lesser } = memoryStore({ name: 'lesser' })
    const lists = [[], [...servers, servers[0]!], [...servers, { name: 'd', store: lesser }]]
    for (const list of lists) {
      expect(() => store.setServers(list, { window: '1s' })).toThrow(InvalidOptionError)
      expect(words(await store.get(key))).toBe('1')
      expect(store.explain(key).before).toBe(undefined)
    }
  })

  test('closes the stores that are left out when the window is over, and not before', async () => {
    const { store, servers, clock } = lab()
    const [, b, c] = servers
    store.setServers([b!, c!], { window: '5s' })
    await servers[0]!.store.set('k', text('1'), minute)
    await clock.advance(5_001)
    await expect(servers[0]!.store.get('k')).rejects.toThrow(ClosedError)
    expect(await store.get('k')).toBe(undefined)
  })

  test('what is deleted long after the window does not come back with a server that goes again', async () => {
    const { store, servers, clock } = lab()
    const keys = Array.from({ length: 100 }, (_, number) => `user:${number}`)
    await store.setMany(keys.map((key) => ({ key, bytes: text('old'), ttlMs: 3_600_000 })))
    const d = { name: 'd', store: memoryStore({ name: 'd', clock }) }
    store.setServers([...servers, d], { window: '1s' })
    await clock.advance(60_000)
    await store.deleteMany(keys.slice(0, 50))
    for (const key of keys.slice(50, 60)) await store.set(key, text('new'), minute)
    store.setServers(servers)
    expect((await store.getMany(keys.slice(0, 50))).map(words)).toEqual(
      new Array(50).fill(undefined),
    )
    for (const key of keys.slice(50, 60)) expect(words(await store.get(key))).not.toBe('old')
  })

  test('a server that leaves and returns within the window stays open', async () => {
    const { store, servers, clock, keyOf } = lab()
    const key = keyOf('a')
    await store.set(key, text('1'), minute)
    const [, b, c] = servers
    store.setServers([b!, c!], { window: '5s' })
    store.setServers(servers, { window: '5s' })
    expect(words(await store.get(key))).toBe('1')
    await clock.advance(6_000)
    expect(words(await store.get(key))).toBe('1')
  })
})

test('stats count per server what twemproxy counts, and how long it took', async () => {
  const { store, keyOf } = lab()
  const key = keyOf('a')
  await store.set(key, text('12345'), minute)
  await store.get(key)
  expect(store.stats().servers.a).toEqual({
    weight: 1,
    state: 'in',
    requests: 2,
    requestBytes: key.length * 2 + 5,
    responses: 2,
    responseBytes: 5,
    errors: 0,
    timedOut: 0,
    ejects: 0,
    ejectedAt: undefined,
    inQueue: 0,
    outQueue: 0,
    missedDeletes: 0,
    latency: { count: 2, meanMs: 0, p50Ms: 0, p99Ms: 0, maxMs: 0 },
  })
})

test('leaves no timer behind when it is closed, also in an outage and in a window', async () => {
  for (const onFailure of ['fail-fast', 'gutter', 'rehash', 'replica'] as const) {
    const world = lab({ onFailure })
    const { store, kill, revive, clock, keyOf, servers } = world
    await store.get(keyOf('b'))
    await clock.advance(1)
    kill('b', frozen)
    await takeOut(world, keyOf('b'))
    await store.delete(keyOf('b')).catch(() => {})
    revive('b')
    await clock.advance(700)
    store.setServers(servers.slice(0, 2), { window: '1h' })
    const open = store.get('k').catch(() => {})
    await store.close()
    await open
    expect(clock.pendingTimers).toBe(0)
    await expect(store.get('k')).rejects.toThrow(ClosedError)
    expect(() => store.setServers(servers)).toThrow(ClosedError)
  }
})
