import { describe, expect, test } from 'vitest'
import { fakeClock } from '../testing/fake-clock.ts'
import { optionalMethods } from '../testing/store-case.ts'
import { storeConformance } from '../testing/store-conformance.ts'
import { memoryStore } from './memory-store.ts'
import { prefixedStore } from './prefixed-store.ts'

const one = Uint8Array.of(1)
const minute = { ttlMs: 60_000 }

describe('a prefixed store passes the conformance suite', () => {
  const limits = { maxKeyBytes: 1_000, maxValueBytes: 1024 * 1024 }
  const cases = storeConformance({
    create() {
      const clock = fakeClock()
      const store = prefixedStore(memoryStore({ clock, ...limits }), 'in[*]side:')
      return { store, advance: (ms) => clock.advance(ms) }
    },
    capabilities: { ttlGranularityMs: 1, ...limits, maxKeyBytes: 990 },
    methods: optionalMethods,
  })
  test.each(cases)('$name', async ({ run }) => {
    expect(await run()).toEqual({})
  })
})

test('a prefixed store keeps to its prefix', async () => {
  const inner = memoryStore()
  await inner.set('a', Uint8Array.of(9), minute)
  const view = prefixedStore(inner, 'p:')
  expect(await view.get('a')).toBeUndefined()
  await view.set('a', one, minute)
  expect(await inner.get('p:a')).toEqual(one)
  expect(await inner.get('a')).toEqual(Uint8Array.of(9))
})

test('a prefixed store has the methods of the inner one and no more', () => {
  const { name, capabilities, get, set, delete: remove } = memoryStore()
  const view = prefixedStore({ name, capabilities, get, set, delete: remove }, 'p:')
  expect(Object.keys(view).sort()).toEqual(['capabilities', 'delete', 'get', 'name', 'set'])
})

test('refuses a prefix that is empty or leaves no room for a key', () => {
  expect(() => prefixedStore(memoryStore(), '')).toThrow('non-empty string')
  expect(() => prefixedStore(undefined as never, 'p')).toThrow(
    'the store of prefixedStore must be a store',
  )
  expect(() => prefixedStore(memoryStore({ maxKeyBytes: 4 }), 'p123')).toThrow('leaves no room')
})
