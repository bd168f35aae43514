import { describe, expect, test } from 'vitest'
import { busConformance } from '../testing/bus-conformance.ts'
import { fakeClock } from '../testing/fake-clock.ts'
import { optionalMethods } from '../testing/store-case.ts'
import { storeConformance } from '../testing/store-conformance.ts'
import { MemoryBacking } from './memory-backing.ts'
import { memoryBus } from './memory-bus.ts'
import { memoryStore } from './memory-store.ts'

const bytes = (text: string) => new TextEncoder().encode(text)
const words = (stored: Uint8Array | undefined) => stored && new TextDecoder().decode(stored)
const minute = { ttlMs: 60_000 }

describe('the memory store passes the conformance suite', () => {
  const limits = { maxKeyBytes: 1_000, maxValueBytes: 1024 * 1024 }
  const cases = storeConformance({
    create() {
      const clock = fakeClock()
      return { store: memoryStore({ clock, ...limits }), advance: (ms) => clock.advance(ms) }
    },
    capabilities: memoryStore(limits).capabilities,
    methods: optionalMethods,
  })
  test.each(cases)('$name', async ({ run }) => {
    expect(await run()).toEqual({})
  })
})

describe('the memory bus passes the conformance suite', () => {
  const cases = busConformance({
    create() {
      const hub = new Set<(message: Uint8Array) => void>()
      return { bus: memoryBus(hub), peer: memoryBus(hub) }
    },
  })
  test.each(cases)('$name', async ({ run, name }) => {
    const outcome = await run()
    // Nothing can cut a link inside a process.
    expect(outcome.skipped !== undefined).toBe(name.includes('its link is cut'))
  })
})

test('stores on one backing see each other at once, and closing one leaves the others', async () => {
  const backing = new MemoryBacking()
  const one = memoryStore({ backing, name: 'one' })
  const two = memoryStore({ backing, name: 'two' })
  await one.set('a', bytes('1'), minute)
  expect(words(await two.get('a'))).toBe('1')
  await one.close()
  expect(words(await two.get('a'))).toBe('1')
  await expect(one.get('a')).rejects.toThrow("'one', which has been closed")
})

test('stores on one backing share a bus', async () => {
  const backing = new MemoryBacking()
  const received: string[] = []
  memoryStore({ backing })
    .bus()
    .subscribe(
      (message) => received.push(words(message)!),
      () => undefined,
    )
  await memoryStore({ backing }).bus().publish(bytes('hello'))
  await Promise.resolve()
  expect(received).toEqual(['hello'])
})

test('beyond maxEntries the entry that was used longest ago goes, and evicts is declared', async () => {
  const store = memoryStore({ maxEntries: 2 })
  expect(store.capabilities.evicts).toBe(true)
  await store.set('a', bytes('1'), minute)
  await store.set('b', bytes('2'), minute)
  await store.get('a')
  await store.set('c', bytes('3'), minute)
  expect(words(await store.get('a'))).toBe('1')
  expect(await store.get('b')).toBeUndefined()
  expect((await store.metrics()).evictions).toBe(1)
})

test('beyond maxBytes entries go until there is room, keys counted with their values', async () => {
  const store = memoryStore({ maxBytes: 1_000 })
  for (let index = 0; index < 20; index++) {
    await store.set(`key ${index}`, new Uint8Array(100), minute)
  }
  const { usedBytes = 0, limitBytes, entries } = await store.metrics()
  expect(limitBytes).toBe(1_000)
  expect(usedBytes).toBeLessThanOrEqual(1_000)
  expect(entries).toBeGreaterThan(5)
})

test('entries that have ended are collected although nobody asks for them again', async () => {
  const clock = fakeClock()
  const store = memoryStore({ clock })
  for (let index = 0; index < 1_000; index++) {
    await store.set(`short ${index}`, bytes('1'), { ttlMs: 10 })
  }
  await clock.advance(20)
  for (let index = 0; index < 600; index++) await store.set('the same key', bytes('1'), minute)
  expect((await store.metrics()).entries).toBeLessThan(10)
})

test('errors name the limit, what came and the option, and neither key nor value', async () => {
  const store = memoryStore({ maxKeyBytes: 20, maxValueBytes: 5 })
  const long = `secret-key-${'x'.repeat(20)}`
  await expect(store.get(long)).rejects.toMatchObject({
    kind: 'invalid-key',
    operation: 'get',
    store: 'memory',
    message: expect.not.stringContaining('secret'),
  })
  await expect(store.set('a', bytes('secret value'), minute)).rejects.toMatchObject({
    kind: 'too-large',
    retryable: false,
    message: expect.stringMatching(/at most 5 bytes, not of 12.*maxValueBytes/),
  })
})

test.each<[unknown, RegExp]>([
  [{ maxEntires: 5 }, /memoryStore has no option 'maxEntires'; did you mean 'maxEntries'\?/],
  [{ maxEntries: -1 }, /^maxEntries must be a whole number from 0/],
  [{ maxBytes: '5mb' }, /^maxBytes must be a whole number.*type string/],
  [null, /^memoryStore must be an object of options; it was null/],
])('refuses an option that cannot work: %j', (options, message) => {
  expect(() => memoryStore(options as never)).toThrow(message)
})
