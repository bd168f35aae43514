import { describe, expect, test } from 'vitest'
import { canaryKey } from '../../../../lab/src/canary.ts'
import { createCache } from '../cache.ts'
import { resolveCodec } from '../entry/codec.ts'
import { encodeClaim } from '../entry/envelope.ts'
import { headOf } from '../entry/head.ts'
import { InvalidOptionError, StoreError } from '../errors.ts'
import { shardedStore } from '../sharding/sharded-store.ts'
import { fakeClock } from '../testing/fake-clock.ts'
import { type FaultyStore, faultyStore } from '../testing/faulty-store.ts'
import { seededRandom } from '../testing/seeded-random.ts'
import { optionalMethods } from '../testing/store-case.ts'
import { storeConformance } from '../testing/store-conformance.ts'
import { encryptedStore } from './encrypted-store.ts'
import { type FailoverStore, failoverStore } from './failover-store.ts'
import { MemoryBacking } from './memory-backing.ts'
import { memoryStore } from './memory-store.ts'
import type { Store } from './store.ts'

const text = (words: string) => new TextEncoder().encode(words)
const words = (bytes: Uint8Array | undefined | null) => bytes && Buffer.from(bytes).toString()
const hour = { ttlMs: 3_600_000 }
const codec = resolveCodec()
const stamp = (digit: string) => digit.repeat(32)
const claimOf = (key: string, digit: string) =>
  encodeClaim({ key, stamp: stamp(digit), beat: 0 }, codec)
const down = [{ kind: 'reject' }] as const

type Full = FailoverStore & Required<Store>

/** Processes that share two stores, each with its own view of which of them answers. */
function scene(processes = 1) {
  const clock = fakeClock()
  const [mainBacking, gutterBacking] = [new MemoryBacking({ clock }), new MemoryBacking({ clock })]
  const view = (backing: MemoryBacking, name: string) =>
    faultyStore(memoryStore({ backing, name }), { faults: [], clock })
  const members = Array.from({ length: processes }, () => {
    const main = view(mainBacking, 'main')
    const gutter = view(gutterBacking, 'gutter')
    const store = failoverStore([main, gutter], { ttl: '10s', clock }) as Full
    return { main, gutter, store }
  })
  const peek = (backing: MemoryBacking) => memoryStore({ backing })
  return { clock, members, inMain: peek(mainBacking), inGutter: peek(gutterBacking) }
}

/** As many failures as take it out. */
async function takeOut(side: FaultyStore, store: Store): Promise<void> {
  side.play(down)
  for (let tries = 0; tries < 3; tries++) await store.get('a probe').catch(() => undefined)
}

/** Long enough for a probe, the quarantine and what has to be made up for. */
const comeBack = async (side: FaultyStore, clock: ReturnType<typeof fakeClock>) => {
  side.heal()
  for (let steps = 0; steps < 40; steps++) await clock.advance(100)
}

describe('a failover store passes the conformance suite', () => {
  const limits = { maxKeyBytes: 1_000, maxValueBytes: 1024 * 1024 }
  const onGutter = async (store: Store, main: FaultyStore) => {
    await takeOut(main, store)
    return store
  }
  test.each(
    storeConformance({
      create() {
        const clock = fakeClock()
        const make = () => memoryStore({ clock, ...limits })
        const store = failoverStore([make(), make()], { clock })
        return { store, advance: (ms) => clock.advance(ms) }
      },
      capabilities: memoryStore(limits).capabilities,
      methods: optionalMethods,
    }),
  )('over its main store: $name', async ({ run }) => {
    expect(await run()).toEqual({})
  })

  // What the gutter keeps ends early, and is not listed; everything else holds there, too.
  const notThere = /list|closed|time to live|ttl|expires|month|days|infinite|metrics are/i
  const there = storeConformance({
    async create() {
      const clock = fakeClock()
      const main = faultyStore(memoryStore({ clock, ...limits }), { faults: [], clock })
      const store = failoverStore([main, memoryStore({ clock, ...limits })], {
        clock,
        ttl: '30d',
      })
      return { store: await onGutter(store, main), advance: (ms) => clock.advance(ms) }
    },
    capabilities: memoryStore(limits).capabilities,
  }).filter(({ name }) => !notThere.test(name))
  test('over its gutter there is enough to check', () => {
    expect(there.length).toBeGreaterThan(30)
  })
  test.each(there)('over its gutter: $name', async ({ run }) => {
    expect(await run()).toEqual({})
  })
})

test('the gutter takes over after three failures, with a short ttl, and hands back when main has answered for a second', async () => {
  const { clock, members, inMain, inGutter } = scene()
  const [{ main, store }] = members as [(typeof members)[0]]
  await store.set('a', text('in main'), hour)
  expect(store.explain('a')).toEqual({ server: 'main' })
  await takeOut(main, store)
  expect(store.stats()).toMatchObject({ active: 'gutter', takeovers: 1, main: { state: 'out' } })
  expect(store.explain('a')).toEqual({ server: 'gutter' })
  expect(await store.get('a')).toBeUndefined()
  await store.set('b', text('in the gutter'), hour)
  expect(words(await store.get('b'))).toBe('in the gutter')
  expect(await store.getManySettled(['a', 'b'])).toEqual([null, text('in the gutter')])
  await clock.advance(10_000)
  expect(await inGutter.get('b')).toBeUndefined()
  main.heal()
  await clock.advance(900)
  expect(store.stats().active).toBe('gutter')
  await comeBack(main, clock)
  expect(store.stats()).toMatchObject({ active: 'main', main: { missedDeletes: 0 } })
  expect(words(await store.get('a'))).toBe('in main')
  expect(await inMain.get('b')).toBeUndefined()
})

test('while main is out a failing call costs nothing, and none waits for its deadline', async () => {
  const { clock, members } = scene()
  const [{ main, store }] = members as [(typeof members)[0]]
  main.play([{ kind: 'hang' }])
  const waiting = Array.from({ length: 20 }, () => store.get('a').catch((error: unknown) => error))
  // While it connects, silence says nothing yet.
  for (let tries = 0; tries < 4; tries++) {
    const attempt = store.get('a').catch((error: unknown) => error)
    await clock.advance(600)
    expect(await attempt).toBeInstanceOf(StoreError)
  }
  expect((await Promise.all(waiting)).every((error) => error instanceof StoreError)).toBe(true)
  expect(store.stats().active).toBe('gutter')
  await store.set('a', text('at once'), hour)
  expect(words(await store.get('a'))).toBe('at once')
})

describe('no delete is lost', () => {
  test.each<[string, (store: Full) => Promise<unknown>]>([
    ['a delete', (store) => store.delete('a')],
    ['a deleteMany', (store) => store.deleteMany(['x', 'a', 'y'])],
    ['a set', (store) => store.set('a', text('newer'), hour)],
    ['a setMany', (store) => store.setMany([{ key: 'a', bytes: text('newer'), ...hour }])],
    ['a touch that ends it', (store) => store.touch('a', { ttlMs: 0 })],
    [
      'a replace of what is no claim',
      async (store) => {
        await store.add('a', text('17 bytes or more of it'), hour)
        await store.replace('a', text('17 bytes or more '), text('newer'), hour)
      },
    ],
  ])('%s while main is out is made up for before main is believed again', async (_, change) => {
    const { clock, members, inMain } = scene()
    const [{ main, store }] = members as [(typeof members)[0]]
    await store.set('a', text('old'), hour)
    await takeOut(main, store)
    await change(store)
    expect(words(await inMain.get('a'))).toBe('old')
    let looks = 0
    main.heal()
    for (let steps = 0; steps < 60; steps++) {
      await clock.advance(50)
      expect(words(await store.get('a'))).not.toBe('old')
      looks += store.stats().active === 'main' ? 1 : 0
    }
    expect(looks).toBeGreaterThan(10)
    expect(await inMain.get('a')).toBeUndefined()
  })

  test('while both are out it rejects, and is made up for all the same', async () => {
    const { clock, members, inMain } = scene()
    const [{ main, gutter, store }] = members as [(typeof members)[0]]
    await store.set('a', text('old'), hour)
    await takeOut(main, store)
    await takeOut(gutter, store)
    expect(store.stats().active).toBe('none')
    await expect(store.delete('a')).rejects.toThrow(/neither the main store of 'main' nor/)
    await comeBack(main, clock)
    expect(store.stats().active).toBe('main')
    expect(await inMain.get('a')).toBeUndefined()
    expect(await store.get('a')).toBeUndefined()
  })

  test('one that main fails while it still counts as in is made up for, and not believed meanwhile', async () => {
    const { clock, members, inMain } = scene()
    const [{ main, store }] = members as [(typeof members)[0]]
    await store.set('a', text('old'), hour)
    main.play([{ kind: 'reject', on: 'delete', nth: 1 }])
    await expect(store.delete('a')).rejects.toThrow(StoreError)
    expect(store.stats().active).toBe('main')
    expect(words(await inMain.get('a'))).toBe('old')
    expect(await store.get('a')).toBeUndefined()
    expect(await store.getMany(['a'])).toEqual([undefined])
    expect(await store.add('a', text('newer'), hour)).toBeUndefined()
    await clock.advance(1_000)
    expect(words(await store.get('a'))).toBe('newer')
  })

  test('what would be forgotten is refused', async () => {
    const { main } = scene().members[0]!
    const store = failoverStore([main, memoryStore()], { journal: 2, clock: fakeClock() })
    await takeOut(main, store)
    await store.delete('a')
    await store.delete('b')
    await store.delete('a')
    await expect(store.delete('c')).rejects.toMatchObject({ kind: 'overloaded' })
    await expect(store.setMany!([{ key: 'c', bytes: text('x'), ...hour }])).rejects.toThrow(
      /remembers 2 of at most 2 keys.*raise journal/,
    )
  })
})

describe('what the gutter kept is never served once it is out of date', () => {
  test('after main was back and gone again', async () => {
    const { clock, members } = scene()
    const [{ main, store }] = members as [(typeof members)[0]]
    await takeOut(main, store)
    await store.set('a', text('old'), hour)
    await comeBack(main, clock)
    await store.set('a', text('newer'), hour)
    await takeOut(main, store)
    expect(store.stats().active).toBe('gutter')
    expect(await store.get('a')).toBeUndefined()
  })

  test('to a process for which main is out, when another one for which it is in deletes or sets', async () => {
    const { members } = scene(2)
    const [cut, whole] = members as [(typeof members)[0], (typeof members)[0]]
    await takeOut(cut.main, cut.store)
    for (const change of [
      (store: Store) => store.delete('a'),
      (store: Store) => store.set('a', text('newer'), hour),
    ]) {
      await cut.store.set('a', text('old'), hour)
      await change(whole.store)
      expect(await cut.store.get('a')).toBeUndefined()
    }
  })

  test('where it missed a delete: it is not used until all that it had has ended', async () => {
    const { clock, members } = scene()
    const [{ main, gutter, store }] = members as [(typeof members)[0]]
    await takeOut(main, store)
    await store.set('a', text('old'), hour)
    main.heal()
    for (let steps = 0; store.stats().active !== 'main' && steps < 40; steps++)
      await clock.advance(100)
    gutter.play(down)
    await store.set('a', text('newer'), hour)
    gutter.heal()
    await takeOut(main, store)
    expect(store.stats().active).toBe('none')
    await expect(store.get('a')).rejects.toThrow(StoreError)
    main.play(down)
    await clock.advance(9_000)
    await expect(store.get('a')).rejects.toThrow(StoreError)
    await clock.advance(1_500)
    expect(store.stats().active).toBe('gutter')
    expect(await store.get('a')).toBeUndefined()
  })
})

describe('a claim', () => {
  test('that was taken in the one is never fulfilled in the other', async () => {
    const { clock, members, inMain, inGutter } = scene()
    const [{ main, store }] = members as [(typeof members)[0]]
    const fulfil = (digit: string) =>
      store.replace('a', headOf('claim', stamp(digit)), text('a value of enough bytes'), hour)
    expect(await store.add('a', claimOf('a', '1'), hour)).toBeUndefined()
    await takeOut(main, store)
    expect(await fulfil('1')).toBe(false)
    expect(await store.add('a', claimOf('a', '2'), hour)).toBeUndefined()
    await comeBack(main, clock)
    expect(await fulfil('2')).toBe(false)
    expect(await inGutter.get('a')).not.toEqual(text('a value of enough bytes'))
    expect(await fulfil('1')).toBe(true)
    expect(words(await inMain.get('a'))).toBe('a value of enough bytes')
  })

  test('that is fulfilled in the gutter leaves what main has', async () => {
    const { clock, members } = scene()
    const [{ main, store }] = members as [(typeof members)[0]]
    await store.set('a', text('still good'), hour)
    await takeOut(main, store)
    await store.add('a', claimOf('a', '1'), hour)
    await store.replace('a', headOf('claim', stamp('1')), text('loaded again'), hour)
    await comeBack(main, clock)
    expect(words(await store.get('a'))).toBe('still good')
  })
})

describe('random stories serve no value older than the last completed change', () => {
  async function tell(seed: number, processes: number, sides: readonly ('main' | 'gutter')[]) {
    const random = seededRandom(seed)
    const pick = <T>(list: readonly T[]) => list[Math.floor(random() * list.length)]!
    const { clock, members } = scene(processes)
    /** What was asked for last, per key: no answer may be older once that is done. */
    const truth = new Map<string, number>()
    let served = 0
    let version = 0
    const change = async (store: Full, key: string) => {
      const bytes = text(`${++version}`)
      const isSet = random() < 0.5
      truth.set(key, version)
      for (let tries = 0; tries < 200; tries++) {
        try {
          await (isSet ? store.set(key, bytes, hour) : store.delete(key))
          return
        } catch {
          // Whoever is refused asks again; two dead stores would refuse for ever.
          if (tries === 50) for (const side of sides) for (const each of members) each[side].heal()
          await clock.advance(200)
        }
      }
      expect.fail(`seed ${seed}: a change that never succeeds`)
    }
    for (let step = 0; step < 120; step++) {
      const dice = random()
      const key = pick(['a', 'b', 'c'])
      const { store } = pick(members)
      if (dice < 0.06) {
        const side = pick(sides)
        const fails = random() < 0.5
        for (const each of members) {
          if (!fails) each[side].heal()
          // Processes that have something to do find out.
          else if (side === 'main') await takeOut(each.main, each.store)
          else each.gutter.play(down)
        }
      } else if (dice < 0.25) await clock.advance(Math.floor(random() * 1_200))
      else if (dice < 0.4) await change(store, key)
      else {
        const read = await store.get(key).catch(() => undefined)
        if (read === undefined) {
          await store.add(key, text(`${truth.get(key) ?? 0}`), hour).catch(() => undefined)
          continue
        }
        served++
        expect(Number(words(read)), `seed ${seed}, step ${step}`).toBeGreaterThanOrEqual(
          truth.get(key) ?? 0,
        )
      }
    }
    for (const { store } of members) await store.close()
    return served
  }

  test.each([
    ['three busy processes, main going and coming', 3, ['main']],
    ['one process, both going and coming', 1, ['main', 'gutter']],
  ] as const)(
    '%s',
    async (_, processes, sides) => {
      let served = 0
      for (let seed = 1; seed <= 200; seed++) served += await tell(seed, processes, sides)
      expect(served).toBeGreaterThan(2_000)
    },
    120_000,
  )
})

test('a cache over it goes on sharing loads while main is out, and reads nothing old when it is back', async () => {
  const { clock, members } = scene(2)
  const caches = members.map(({ store }) =>
    createCache({ clock, store, bus: false, memory: false, name: 'c' }),
  )
  let loads = 0
  const ask = (index: number) => caches[index]!.wrap('k', () => `load ${++loads}`, { jitter: 0 })
  expect(await ask(0)).toBe('load 1')
  expect(await ask(1)).toBe('load 1')
  for (const { main, store } of members) await takeOut(main, store)
  expect(await ask(0)).toBe('load 2')
  expect(await ask(1)).toBe('load 2')
  await caches[0]!.delete('k')
  expect(await ask(1)).toBe('load 3')
  for (const { main } of members) main.heal()
  for (let steps = 0; steps < 40; steps++) await clock.advance(100)
  expect(members.map(({ store }) => store.stats().active)).toEqual(['main', 'main'])
  expect(await ask(1)).toBe('load 4')
  expect(await ask(0)).toBe('load 4')
  for (const cache of caches) await cache.close()
})

test('over a sharded main store one dead server of several is no outage of the whole, and is told as what it is', async () => {
  const clock = fakeClock()
  const parts = ['one', 'two', 'three'].map((name) => {
    const store = faultyStore(memoryStore({ clock }), { faults: [], clock })
    return { name, weight: 1, store }
  })
  const main = shardedStore({ servers: parts, clock })
  const store = failoverStore([main, memoryStore({ clock })], { clock })
  const keys = Array.from({ length: 60 }, (_, index) => `${index}`)
  for (const key of keys) await store.set(key, text(key), hour)
  parts[0]!.store.play(down)
  for (let rounds = 0; rounds < 5; rounds++)
    for (const key of keys) await store.get(key).catch(() => undefined)
  expect(store.stats()).toMatchObject({ active: 'main', takeovers: 0 })
  const reads = await store.getManySettled(keys)
  const failed = keys.filter((_, index) => reads[index] instanceof StoreError)
  expect(failed).toEqual(keys.filter((key) => main.explain(key).server === 'one'))
  expect(failed.length).toBeGreaterThan(5)
  expect(store.explain(failed[0]!)).toEqual({ server: 'main: one' })
  await store.close()
})

test('it passes on to both what another process has changed', () => {
  const told: unknown[] = []
  const copying = (): Store => ({ ...memoryStore(), changedElsewhere: (keys) => told.push(keys) })
  expect(failoverStore([memoryStore(), memoryStore()]).changedElsewhere).toBeUndefined()
  failoverStore([copying(), copying()]).changedElsewhere?.(['a'])
  expect(told).toEqual([['a'], ['a']])
})

test('it tells of a change of primary in either of the two', () => {
  const told: string[] = []
  const listeners = new Set<() => void>()
  const changing = (): Store => ({
    ...memoryStore(),
    onPrimaryChange(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
  })
  expect(failoverStore([memoryStore(), memoryStore()]).onPrimaryChange).toBeUndefined()
  const store = failoverStore([changing(), changing()])
  const end = store.onPrimaryChange?.(() => told.push('changed'))
  for (const listener of listeners) listener()
  expect(told).toEqual(['changed', 'changed'])
  end?.()
  expect(listeners.size).toBe(0)
})

test('it can do what both can, is encrypted where both are, and refuses what is no pair of stores', () => {
  const keys = { keys: [{ id: 'a', secret: canaryKey('failover') }] }
  const { touch: _, ...lesser } = memoryStore()
  expect(failoverStore([memoryStore(), lesser]).touch).toBeUndefined()
  const sealed = () => encryptedStore(memoryStore(), keys)
  expect(failoverStore([sealed(), sealed()]).capabilities.encrypted).toBe(true)
  expect(failoverStore([sealed(), memoryStore()]).capabilities.encrypted).toBeUndefined()
  const one = memoryStore()
  for (const stores of [[one], [one, one], [one, {}], [one, one, one], one, undefined])
    expect(() => failoverStore(stores as never)).toThrow(InvalidOptionError)
  const two = [one, memoryStore()] as const
  for (const options of [
    { ttl: 0 },
    { ttl: Infinity },
    { tll: 1 },
    { timeout: 0 },
    { journal: -1 },
  ])
    expect(() => failoverStore(two, options as object)).toThrow(InvalidOptionError)
})
