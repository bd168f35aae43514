import { describe, expect, test } from 'vitest'
import { StoreError } from '../errors.ts'
import { memoryStore } from '../store/memory-store.ts'
import { fakeClock } from './fake-clock.ts'
import { faultyStore, type StoreFault } from './faulty-store.ts'
import { optionalMethods } from './store-case.ts'
import { storeConformance } from './store-conformance.ts'

const bytes = (text: string) => new TextEncoder().encode(text)
const words = (stored: Uint8Array | undefined) => stored && new TextDecoder().decode(stored)
const minute = { ttlMs: 60_000 }

async function seeded(faults: readonly StoreFault[] = []) {
  const inner = memoryStore()
  await inner.set('a', bytes('A'), minute)
  await inner.set('b', bytes('B'), minute)
  return { inner, store: faultyStore(inner, { faults }) }
}

async function settledWithin<T>(promise: Promise<T>): Promise<T | 'pending'> {
  const soon = new Promise<'pending'>((resolve) => setImmediate(() => resolve('pending')))
  return Promise.race([promise, soon])
}

describe('a faulty store without faults passes the conformance suite', () => {
  const limits = { maxKeyBytes: 1_000, maxValueBytes: 1024 * 1024 }
  const cases = storeConformance({
    create() {
      const clock = fakeClock()
      const store = faultyStore(memoryStore({ clock, ...limits }), { faults: [] })
      return { store, advance: (ms) => clock.advance(ms) }
    },
    capabilities: { ttlGranularityMs: 1, ...limits },
    methods: optionalMethods,
  })
  test.each(cases)('$name', async ({ run }) => {
    expect(await run()).toEqual({})
  })
})

test('rejects with a typed error, or with the one of the script, on the operations and calls it names', async () => {
  const own = new Error('own')
  const { store } = await seeded([
    { kind: 'reject', on: 'get', nth: 2 },
    { kind: 'reject', on: ['set', 'delete'], error: own },
  ])
  expect(words(await store.get('a'))).toBe('A')
  await expect(store.get('a')).rejects.toMatchObject({ kind: 'unavailable', operation: 'get' })
  await expect(store.get('a')).resolves.toBeDefined()
  await expect(store.set('a', bytes('2'), minute)).rejects.toBe(own)
  await expect(store.delete('a')).rejects.toBe(own)
  expect(store.calls('get')).toBe(3)
})

test('rejects after the work was done, as when a reply is lost', async () => {
  const { store, inner } = await seeded([{ kind: 'reject', on: 'set', applied: true }])
  await expect(store.set('a', bytes('new'), minute)).rejects.toBeInstanceOf(StoreError)
  expect(words(await inner.get('a'))).toBe('new')
})

test('drops a write and says that it was done', async () => {
  const { store, inner } = await seeded([{ kind: 'drop' }])
  await store.set('a', bytes('new'), minute)
  await store.delete('b')
  expect(await store.add!('c', bytes('C'), minute)).toBeUndefined()
  expect(await store.replace!('a', bytes('A'), bytes('new'), minute)).toBe(true)
  expect(await store.getMany!(['a', 'b'])).toEqual([undefined, undefined])
  store.heal()
  expect((await inner.getMany(['a', 'b', 'c'])).map(words)).toEqual(['A', 'B', undefined])
})

test('hangs until it is healed, and then the waiting calls are carried out', async () => {
  const { store, inner } = await seeded([{ kind: 'hang' }])
  const write = store.set('a', bytes('late'), minute)
  const read = store.get('b')
  expect(await settledWithin(write)).toBe('pending')
  expect(words(await inner.get('a'))).toBe('A')
  store.heal()
  await write
  expect(words(await read)).toBe('B')
  expect(words(await inner.get('a'))).toBe('late')
})

test('a call that hangs rejects when the store is closed', async () => {
  const { store } = await seeded([{ kind: 'hang' }])
  const read = store.get('a')
  await settledWithin(read)
  await store.close!()
  await expect(read).rejects.toMatchObject({ name: 'ClosedError' })
})

test('delays by its clock', async () => {
  const clock = fakeClock()
  const store = faultyStore(memoryStore(), { clock, faults: [{ kind: 'delay', ms: 2_000 }] })
  const read = store.get('a')
  await clock.advance(1_999)
  expect(await settledWithin(read)).toBe('pending')
  await clock.advance(1)
  expect(await read).toBeUndefined()
})

test('damages what is answered by exactly so many bits', async () => {
  const { store } = await seeded([{ kind: 'damage', on: 'get', bits: 3 }])
  const damaged = await store.get('a')
  expect(damaged).toHaveLength(1)
  expect((damaged![0]! ^ 65).toString(2).replaceAll('0', '')).toBe('111')
})

test('damages what is stored', async () => {
  const { store, inner } = await seeded([{ kind: 'damage', on: 'set' }])
  await store.set('a', bytes('intact'), minute)
  expect(words(await inner.get('a'))).not.toBe('intact')
})

test('answers with the bytes of another key', async () => {
  const { store } = await seeded([{ kind: 'swap', on: ['get', 'getMany'], nth: { from: 2 } }])
  expect(words(await store.get('a'))).toBe('A')
  expect(words(await store.get('b'))).toBe('A')
  await store.getMany!(['a', 'b'])
  expect((await store.getMany!(['a', 'b'])).map(words)).toEqual(['B', 'A'])
})

test('strikes only keys that match', async () => {
  const { store } = await seeded([{ kind: 'reject', key: /^a/g }])
  await expect(store.get('a')).rejects.toThrow('fault script')
  await expect(store.get('a')).rejects.toThrow('fault script')
  expect(words(await store.get('b'))).toBe('B')
})

test('the same seed strikes the same calls', async () => {
  const pattern = async (seed: number) => {
    const store = faultyStore(memoryStore(), {
      seed,
      faults: [{ kind: 'reject', probability: 0.5 }],
    })
    const calls = await Promise.allSettled(Array.from({ length: 64 }, () => store.get('a')))
    return calls.map(({ status }) => (status === 'rejected' ? 'x' : '.')).join('')
  }
  expect(await pattern(7)).toBe(await pattern(7))
  expect(await pattern(7)).not.toBe(await pattern(8))
  const struck = (await pattern(7)).replaceAll('.', '').length
  expect(struck).toBeGreaterThan(16)
  expect(struck).toBeLessThan(48)
})

test('refuses a script without a list of faults', () => {
  expect(() => faultyStore(memoryStore(), {} as never)).toThrow('{ faults: [...] }')
})

test('passes on what a store over several servers tells of each, with its faults', async () => {
  const byServer = async () => new Map([['10.0.0.1', { connections: 1 }]])
  const inner = Object.assign(memoryStore(), { metricsByServer: byServer })
  const store = faultyStore(inner, { faults: [{ kind: 'reject', on: 'metrics', nth: 2 }] })
  const { metricsByServer } = store as typeof store & typeof inner
  expect(await metricsByServer()).toEqual(new Map([['10.0.0.1', { connections: 1 }]]))
  await expect(metricsByServer()).rejects.toMatchObject({ operation: 'metrics' })
  expect(store.calls('metrics')).toBe(2)
  expect(faultyStore(memoryStore(), { faults: [] })).not.toHaveProperty('metricsByServer')
})

test('refuses a fault that could never strike, in the script and later', () => {
  const misspelt: [object, RegExp][] = [
    [{ kind: 'hagn' }, /no kind of fault 'hagn'; did you mean 'hang'\?/],
    [{ kind: 'hang', on: 'gett' }, /no operation 'gett'; did you mean 'get'\?/],
    [{ kind: 'hang', on: ['get', 'sett'] }, /no operation 'sett'/],
  ]
  for (const [fault, message] of misspelt) {
    expect(() => faultyStore(memoryStore(), { faults: [fault as StoreFault] })).toThrow(message)
    const store = faultyStore(memoryStore(), { faults: [] })
    expect(() => store.play([fault as StoreFault])).toThrow(message)
  }
})
