import { describe, expect, test, vi } from 'vitest'
import { createCache } from '../cache.ts'
import { InvalidOptionError } from '../errors.ts'
import { MemoryBacking } from '../store/memory-backing.ts'
import { memoryBus } from '../store/memory-bus.ts'
import { memoryStore } from '../store/memory-store.ts'
import type { Bus, BusState } from '../store/store.ts'
import { fakeClock } from '../testing/fake-clock.ts'
import { faultyStore } from '../testing/faulty-store.ts'
import { invalidateOnEvents, publishInvalidation } from './event-invalidation.ts'
import { decodeEvent } from './event-message.ts'

const bytes = (text: string) => new TextEncoder().encode(text)
const minute = { ttlMs: 60_000 }
const settled = async () => {
  for (let turns = 0; turns < 20; turns++) await new Promise(setImmediate)
}

function deferred() {
  let resolve!: (value: string) => void
  const promise = new Promise<string>((settle) => {
    resolve = settle
  })
  return { promise, resolve }
}

/** A bus whose messages and state a test makes up. */
function handBus() {
  let tell: { onMessage(bytes: Uint8Array): void; onState(state: BusState): void } | undefined
  const bus: Bus = {
    publish: async () => undefined,
    subscribe(onMessage, onState) {
      tell = { onMessage, onState }
      return () => {
        tell = undefined
      }
    },
    close: async () => undefined,
  }
  return {
    bus,
    say: (text: string) => tell?.onMessage(bytes(text)),
    turn: (state: BusState) => tell?.onState(state),
    isHeard: () => tell !== undefined,
  }
}

describe('an event', () => {
  test.each([
    ['{"v":1,"keys":["a"],"tags":["t"]}', { keys: ['a'], tags: ['t'] }],
    ['{"v":1,"keys":["a"]}', { keys: ['a'], tags: [] }],
    ['{"v":1,"tags":[]}', { keys: [], tags: [] }],
    ['{"v":1}', { keys: [], tags: [] }],
    ['{"v":1,"keys":[],"tags":[],"source":"billing","at":5}', { keys: [], tags: [] }],
    [' {"v": 1, "keys": ["\\u00e4"]}\n', { keys: ['ä'], tags: [] }],
  ])('is %s', (text, event) => {
    expect(decodeEvent(bytes(text))).toEqual(event)
  })

  test.each([
    '',
    'null',
    '[]',
    '1',
    '{"v":1',
    '{"v":2,"keys":["a"]}',
    '{"v":"1","keys":["a"]}',
    '{"keys":["a"]}',
    '{"v":1,"keys":"a"}',
    '{"v":1,"keys":null}',
    '{"v":1,"keys":["a",1]}',
    '{"v":1,"keys":[""]}',
    '{"v":1,"keys":["\\ud800"]}',
    '{"v":1,"tags":[{}]}',
    `{"v":1,"keys":["${'k'.repeat(4_097)}"]}`,
    `{"v":1,"pad":"${'p'.repeat(1024 * 1024)}"}`,
  ])('is not %.60s', (text) => {
    expect(decodeEvent(bytes(text))).toBeUndefined()
  })
})

test('an event deletes keys and tags of a cache, and nothing else', async () => {
  const hub = new Set<(message: Uint8Array) => void>()
  const cache = createCache()
  const events = invalidateOnEvents(cache, memoryBus(hub))
  await cache.set('a', 1)
  await cache.set('b', 2, { tags: ['t'] })
  await cache.set('c', 3)
  await publishInvalidation(memoryBus(hub), { keys: ['a', 'never there'], tags: ['t'] })
  await settled()
  expect([cache.peek('a'), cache.peek('b'), cache.peek('c')]).toEqual([undefined, undefined, 3])
  expect(events.stats()).toMatchObject({ events: 1, keys: 2, tags: 1, malformed: 0, failures: 0 })
  expect(events.health()).toEqual({ status: 'up', lastGapAt: undefined, pending: 0 })
  await events.close()
})

test('an event deletes keys of a store, and with a namespace keys and tags of the caches that use it', async () => {
  const backing = new MemoryBacking()
  const store = memoryStore({ backing })
  const { bus, say } = handBus()
  const events = invalidateOnEvents(store, bus)
  await store.set('answer:7', bytes('old'), minute)
  say('{"v":1,"keys":["answer:7"],"tags":["lost"]}')
  await settled()
  expect(await store.get('answer:7')).toBeUndefined()
  expect(events.stats()).toMatchObject({ keys: 1, tags: 0, unknownTags: 1 })

  const other = handBus()
  const named = invalidateOnEvents(store, other.bus, { namespace: 'api' })
  const user = () =>
    createCache({ name: 'api', memory: false, store: memoryStore({ backing }), bus: false })
  const cache = user()
  await cache.set('7', 'old')
  await cache.set('8', 'old', { tags: ['t'] })
  await cache.set('9', 'kept', { tags: ['u'] })
  other.say('{"v":1,"keys":["7"],"tags":["t"]}')
  await settled()
  for (const reader of [cache, user()]) {
    expect(await reader.getMany(['7', '8', '9'])).toEqual(new Map([['9', 'kept']]))
  }
  expect(await cache.wrap('8', () => 'new', { tags: ['t'] })).toBe('new')
  expect(await user().get('8')).toBe('new')
  expect(named.stats()).toMatchObject({ keys: 1, tags: 1, unknownTags: 0 })
})

test('a load that is under way when the event comes is not kept, also one that names its tags at its end', async () => {
  const store = memoryStore()
  const { bus, say } = handBus()
  invalidateOnEvents(store, bus, { namespace: 'api' })
  const cache = createCache({ name: 'api', memory: false, store, bus: false })
  await cache.wrap('warm', () => 1, { tags: ['t'] })
  const early = deferred()
  const late = deferred()
  const loads = [
    cache.wrap('early', () => early.promise, { tags: ['t'] }),
    cache.wrap('late', async ({ setTags }) => {
      const value = await late.promise
      setTags(['t'])
      return value
    }),
  ]
  await settled()
  say('{"v":1,"tags":["t"]}')
  await settled()
  early.resolve('old')
  late.resolve('old')
  await Promise.all(loads)
  expect(await cache.getMany(['early', 'late'])).toEqual(new Map())
})

test('what is malformed is counted, throws nothing, and the next event is heard', async () => {
  const cache = createCache()
  const { bus, say } = handBus()
  const events = invalidateOnEvents(cache, bus)
  await cache.set('a', 1)
  for (const text of ['', 'hello', '{"v":7,"keys":["a"]}', '{"v":1,"keys":[1]}']) say(text)
  await settled()
  expect(cache.peek('a')).toBe(1)
  say('{"v":1,"keys":["a"]}')
  await settled()
  expect(cache.peek('a')).toBeUndefined()
  expect(events.stats()).toMatchObject({ events: 1, malformed: 4 })
})

describe('a gap in the subscription', () => {
  test('shows in health and stats, and what was missed lives until its ttl', async () => {
    const clock = fakeClock()
    const cache = createCache({ clock })
    const { bus, turn } = handBus()
    const events = invalidateOnEvents(cache, bus, { clock })
    expect(events.health().status).toBe('down')
    turn('up')
    expect(events.health()).toMatchObject({ status: 'up', lastGapAt: undefined })
    await cache.set('a', 1, { ttl: '1m', jitter: 0 })
    turn('down')
    expect(events.health()).toMatchObject({ status: 'down', lastGapAt: clock.now() })
    await clock.advance(5_000)
    turn('up')
    expect(events.health()).toMatchObject({ status: 'up', lastGapAt: clock.now() })
    expect(events.stats().gaps).toBe(1)
    expect(await cache.get('a')).toBe(1)
    await clock.advance(55_000)
    expect(await cache.get('a')).toBeUndefined()
    // A bus that only suspects a loss says up again.
    turn('up')
    expect(events.stats().gaps).toBe(2)
  })

  test('clears the cache at its end, where that was asked for', async () => {
    const cache = createCache()
    const { bus, turn } = handBus()
    invalidateOnEvents(cache, bus, { onGap: 'clear' })
    turn('up')
    await cache.set('a', 1)
    await settled()
    expect(cache.peek('a')).toBe(1)
    turn('down')
    turn('up')
    await settled()
    expect(cache.peek('a')).toBeUndefined()
  })
})

test('what a store does not take is tried again until it does, and shows meanwhile', async () => {
  const clock = fakeClock()
  const inner = memoryStore({ clock })
  const store = faultyStore(inner, { faults: [{ on: 'delete', kind: 'reject' }] })
  const { bus, say, turn } = handBus()
  const onError = vi.fn(() => {
    throw new Error('a listener that throws')
  })
  const events = invalidateOnEvents(store, bus, { clock, onError })
  turn('up')
  await inner.set('a', bytes('old'), minute)
  say('{"v":1,"keys":["a"]}')
  await clock.advance(2_000)
  expect(await inner.get('a')).toBeDefined()
  expect(events.health()).toMatchObject({ status: 'behind', pending: 1 })
  expect(events.stats().failures).toBeGreaterThan(2)
  expect(onError).toHaveBeenCalledTimes(events.stats().failures)
  store.heal()
  await clock.advance(5_000)
  expect(await inner.get('a')).toBeUndefined()
  expect(events.health()).toMatchObject({ status: 'up', pending: 0 })
  expect(events.stats().keys).toBe(1)
})

test('close ends the subscription and leaves no timer, also while a store does not answer', async () => {
  const clock = fakeClock()
  const store = memoryStore()
  store.delete = () => Promise.reject(new Error('away'))
  const { bus, say, isHeard } = handBus()
  const events = invalidateOnEvents(store, bus, { clock })
  say('{"v":1,"keys":["a"]}')
  await settled()
  await events.close()
  await events.close()
  expect(isHeard()).toBe(false)
  expect(events.health().status).toBe('down')
  const { failures } = events.stats()
  await clock.advance(60_000)
  expect(events.stats().failures).toBe(failures)
})

test('a publisher’s long lists become events that every subscriber takes', async () => {
  const hub = new Set<(message: Uint8Array) => void>()
  const store = memoryStore()
  const events = invalidateOnEvents(store, memoryBus(hub))
  // Six bytes of JSON for each byte of the key.
  const keys = Array.from({ length: 100 }, (_, index) => `${index}`.padEnd(4_096, '\u0001'))
  for (const key of keys) await store.set(key, bytes('old'), minute)
  await publishInvalidation(memoryBus(hub), { keys })
  await settled()
  expect(events.stats()).toMatchObject({ keys: 100, malformed: 0 })
  expect((await store.metrics()).entries).toBe(0)
  await expect(publishInvalidation(memoryBus(hub), { keys: [''] })).rejects.toThrow(/keys\[0\]/)
  await expect(publishInvalidation(memoryBus(hub), { key: 'a' } as object)).rejects.toThrow(/'key'/)
})

test.each<[string, () => unknown, RegExp]>([
  ['no target', () => invalidateOnEvents({} as never, handBus().bus), /target of invalidateOnE/],
  ['no bus', () => invalidateOnEvents(memoryStore(), false as never), /bus of invalidateOnEvents/],
  [
    'a namespace for a cache',
    () => invalidateOnEvents(createCache(), handBus().bus, { namespace: 'a' }),
    /namespace must be left out/,
  ],
  [
    'to clear a store',
    () => invalidateOnEvents(memoryStore(), handBus().bus, { onGap: 'clear' }),
    /needs a cache/,
  ],
  [
    'an unknown option',
    () => invalidateOnEvents(memoryStore(), handBus().bus, { ongap: 'wait' } as object),
    /did you mean 'onGap'/,
  ],
])('%s is refused at once', (_, attempt, message) => {
  expect(attempt).toThrow(InvalidOptionError)
  expect(attempt).toThrow(message)
})
