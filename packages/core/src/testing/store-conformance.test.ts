import { expect, test } from 'vitest'
import { StoreError } from '../errors.ts'
import { type MemoryStore, memoryStore } from '../store/memory-store.ts'
import type { Keep, Store, StoreCapabilities } from '../store/store.ts'
import { busConformance } from './bus-conformance.ts'
import { type FakeClock, fakeClock } from './fake-clock.ts'
import { optionalMethods } from './store-case.ts'
import { storeConformance } from './store-conformance.ts'

/** The suite is judged by what it catches: each of these stores is wrong in one way. */
type Lie = (
  honest: MemoryStore,
  clock: FakeClock,
) => Partial<Store> & { capabilities?: StoreCapabilities }

const limits = { maxKeyBytes: 1_000, maxValueBytes: 100_000 }
const base: StoreCapabilities = { ttlGranularityMs: 1, ...limits }
const latin = (key: string) => Buffer.from(key, 'latin1').toString('latin1')
const secondsUp = (ttlMs: number) => Math.ceil(ttlMs / 1_000) * 1_000

const lies: Record<string, Lie> = {
  'counts seconds and declares milliseconds': (honest) => ({
    set: (key, bytes, { ttlMs }) => honest.set(key, bytes, { ttlMs: secondsUp(ttlMs) }),
  }),
  'ends entries early': (honest) => ({
    set: (key, bytes, { ttlMs }) => honest.set(key, bytes, { ttlMs: ttlMs / 4 }),
  }),
  'keeps a fraction of a millisecond for good': (honest) => ({
    set: (key, bytes, { ttlMs }) =>
      honest.set(key, bytes, { ttlMs: ttlMs > 0 && ttlMs < 1 ? Infinity : ttlMs }),
  }),
  'reads an infinite time to live as none': (honest) => ({
    set: (key, bytes, { ttlMs }) =>
      honest.set(key, bytes, { ttlMs: ttlMs === Infinity ? 1 : ttlMs }),
  }),
  'wraps a month round': (honest) => ({
    set: (key, bytes, { ttlMs }) =>
      honest.set(key, bytes, { ttlMs: ttlMs < Infinity && ttlMs > 2_592_000_000 ? 0 : ttlMs }),
  }),
  'keeps the old value when the time is already over': (honest) => ({
    set: async (key, bytes, keep) => {
      if (keep.ttlMs > 0) await honest.set(key, bytes, keep)
    },
  }),
  'takes an empty value for a miss': (honest) => ({
    get: async (key) => {
      const bytes = await honest.get(key)
      return bytes?.byteLength === 0 ? undefined : bytes
    },
  }),
  'stores text': (honest) => ({
    set: (key, bytes, keep) =>
      honest.set(key, Buffer.from(Buffer.from(bytes).toString('utf8')), keep),
  }),
  'cuts keys to latin1': (honest) => ({
    get: (key) => honest.get(latin(key)),
    set: (key, bytes, keep) => honest.set(latin(key), bytes, keep),
    delete: (key) => honest.delete(latin(key)),
  }),
  'stores the whole buffer around a view': (honest) => ({
    set: (key, bytes, keep) => honest.set(key, new Uint8Array(bytes.buffer), keep),
  }),
  'hands out one and the same bytes': (honest) => {
    const handed = new Map<string, Uint8Array>()
    return {
      async get(key) {
        const bytes = handed.get(key) ?? (await honest.get(key))
        if (bytes) handed.set(key, bytes)
        return bytes
      },
    }
  },
  'takes a longer key than it declares': (honest) => ({
    capabilities: { ...base, maxKeyBytes: 500 },
    get: honest.get,
  }),
  'takes shorter keys than it declares': () => ({
    capabilities: { ...base, maxKeyBytes: 2_000 },
  }),
  'takes larger values than it declares': () => ({
    capabilities: { ...base, maxValueBytes: 50_000 },
  }),
  'takes smaller values than it declares': () => ({
    capabilities: { ...base, maxValueBytes: 200_000 },
  }),
  'cuts a value that is too large': (honest) => ({
    set: (key, bytes, keep) => honest.set(key, bytes.subarray(0, limits.maxValueBytes), keep),
  }),
  'loses the old value in a refused overwrite and does not say that it evicts': (honest) => ({
    async set(key, bytes, keep) {
      if (bytes.byteLength > limits.maxValueBytes) await honest.delete(key)
      await honest.set(key, bytes, keep)
    },
  }),
  'throws instead of rejecting': () => ({
    get(key) {
      if (key.length > 900) throw new StoreError('too long', { kind: 'invalid-key' })
      return Promise.resolve(undefined)
    },
  }),
  'rejects with an untyped error': (honest) => ({
    set: (key, bytes, keep) => honest.set(key, bytes, keep).catch(() => Promise.reject(Error('?'))),
  }),
  'leaves gaps out of getMany': (honest) => ({
    getMany: async (keys) => (await honest.getMany(keys)).filter((bytes) => bytes !== undefined),
  }),
  'answers getMany in the order of the alphabet': (honest) => ({
    getMany: (keys) => honest.getMany([...keys].sort()),
  }),
  'answers a key asked twice once': (honest) => ({
    getMany: (keys) => honest.getMany([...new Set(keys)]),
  }),
  'adds in two steps': (honest) => ({
    async add(key, bytes, keep) {
      const there = await honest.get(key)
      if (there === undefined) await honest.set(key, bytes, keep)
      return there
    },
  }),
  'add refreshes the time to live of what it found': (honest) => ({
    async add(key, bytes, keep) {
      const there = await honest.add(key, bytes, keep)
      if (there !== undefined) await honest.touch(key, keep)
      return there
    },
  }),
  'add answers with the own bytes of the caller': (honest) => ({
    add: async (key, bytes, keep) => (await honest.add(key, bytes, keep)) && bytes,
  }),
  'replaces in two steps': (honest) => ({
    async replace(key, head, bytes, keep) {
      const there = await honest.get(key)
      if (there === undefined || Buffer.compare(there.subarray(0, head.length), head) !== 0) {
        return false
      }
      await honest.set(key, bytes, keep)
      return true
    },
  }),
  'replaces whatever is there': (honest) => ({
    replace: async (key, _head, bytes, keep) => {
      if ((await honest.get(key)) === undefined) return false
      await honest.set(key, bytes, keep)
      return true
    },
  }),
  'replaces what is not there': (honest) => ({
    async replace(key, head, bytes, keep) {
      if ((await honest.add(key, bytes, keep)) === undefined) return true
      return honest.replace(key, head, bytes, keep)
    },
  }),
  'replace keeps the old time to live': (honest, clock) => {
    const ends = new Map<string, number>()
    return {
      async set(key, bytes, keep) {
        ends.set(key, clock.monotonic() + keep.ttlMs)
        await honest.set(key, bytes, keep)
      },
      replace: (key, head, bytes, _keep: Keep) =>
        honest.replace(key, head, bytes, {
          ttlMs: (ends.get(key) ?? Infinity) - clock.monotonic(),
        }),
    }
  },
  'touch creates': (honest) => ({
    async touch(key, keep) {
      return (await honest.add(key, Uint8Array.of(), keep)) === undefined || honest.touch(key, keep)
    },
  }),
  'touch does nothing': (honest) => ({
    touch: async (key) => (await honest.get(key)) !== undefined,
  }),
  'list reads its prefix as a pattern': (honest) => ({
    async *list(prefix) {
      const pattern = new RegExp(
        `^${prefix.replaceAll('*', '.*').replaceAll('?', '.').replaceAll('\\', '')}`,
      )
      for await (const key of honest.list('')) if (pattern.test(key)) yield key
    },
  }),
  'answers after close': (honest) => ({ get: (key) => honest.get(key).catch(() => undefined) }),
  'waits after close': (honest) => ({
    get: (key) => honest.get(key).catch(() => new Promise<undefined>(() => undefined)),
  }),
  'mixes up answers under load': (honest) => {
    let calls = 0
    let previous: Promise<Uint8Array | undefined> = Promise.resolve(undefined)
    return {
      get(key) {
        const before = previous
        previous = honest.get(key)
        return ++calls % 1_501 === 0 ? before : previous
      },
    }
  },
  'claims a bus that carries nothing': () => ({
    bus: () => ({
      publish: async () => undefined,
      subscribe(_, onState) {
        queueMicrotask(() => onState('up'))
        return () => undefined
      },
      close: async () => undefined,
    }),
  }),
}

async function failuresOf(lie: Lie): Promise<string[]> {
  const declared: StoreCapabilities = lie(memoryStore(), fakeClock()).capabilities ?? base
  const cases = storeConformance({
    create() {
      const clock = fakeClock()
      const honest = memoryStore({ clock, ...limits })
      return { store: { ...honest, ...lie(honest, clock) }, advance: (ms) => clock.advance(ms) }
    },
    capabilities: declared,
    methods: optionalMethods,
  })
  const failed: string[] = []
  for (const { name, run } of cases) {
    const waiting = new Promise<never>((_, reject) => setTimeout(reject, 1_500).unref())
    await Promise.race([run(), waiting]).catch(() => failed.push(name))
  }
  return failed
}

test.each(Object.keys(lies))(
  'the suite fails a store that %s',
  async (name) => {
    expect(await failuresOf(lies[name]!)).not.toEqual([])
  },
  20_000,
)

test('the suite fails a store that is said to have another method, or one fewer', async () => {
  const { touch: _, ...withoutTouch } = memoryStore()
  const run = async (store: Store, methods: readonly (typeof optionalMethods)[number][]) => {
    const { capabilities } = store
    const cases = storeConformance({ create: () => store, capabilities, methods })
    await cases.find(({ name }) => name.startsWith('has exactly'))!.run()
  }
  await expect(run(withoutTouch, optionalMethods)).rejects.toThrow()
  await expect(
    run(
      memoryStore(),
      optionalMethods.filter((method) => method !== 'touch'),
    ),
  ).rejects.toThrow()
})

test('a case that does not apply says why, and the three required methods are enough', async () => {
  const create = () => {
    const clock = fakeClock()
    const { name, capabilities, get, set, delete: remove } = memoryStore({ clock, ...limits })
    const store = { name, capabilities, get, set, delete: remove }
    return { store, advance: (ms: number) => clock.advance(ms) }
  }
  const outcomes = await Promise.all(
    storeConformance({ create, capabilities: base }).map(({ run }) => run()),
  )
  const skipped = outcomes.flatMap((outcome) => outcome.skipped ?? [])
  expect(skipped).toContain('the store has no getMany')
  expect(outcomes.length - skipped.length).toBeGreaterThan(20)
  const listed = storeConformance({ create, capabilities: base, methods: [] })
  expect(await Promise.all(listed.map(({ run }) => run()))).toEqual(listed.map(() => ({})))
})

test('a suite without a way to make what it is to judge is refused, and has no case that fails of it', () => {
  const judge = storeConformance as (options: unknown) => unknown
  const create = () => memoryStore()
  expect(() => judge(undefined)).toThrow('storeConformance must be an object')
  expect(() => judge({ create: memoryStore(), capabilities: base })).toThrow(
    'create must be a func',
  )
  expect(() => judge({ create })).toThrow('capabilities must be an object')
  const judgeBus = busConformance as (options: unknown) => unknown
  expect(() => judgeBus({})).toThrow('create must be a function')
})
