import { describe, expect, it } from 'vitest'
import { createCache } from '../../src/cache.ts'
import { StoreError } from '../../src/errors.ts'
import { shardedStore } from '../../src/sharding/sharded-store.ts'
import { memoryStore } from '../../src/store/memory-store.ts'
import { prefixedStore } from '../../src/store/prefixed-store.ts'
import type { Store } from '../../src/store/store.ts'
import { fakeClock } from '../../src/testing/fake-clock.ts'

const awayError = (operation: string) =>
  new StoreError('away', { kind: 'unavailable', store: 'far', operation })

/** A store with a replica: `fall()` puts that in its place, with what it had when it followed last. */
function replicated() {
  const primary = memoryStore()
  const listeners = new Set<() => void>()
  let replica = new Map<string, Uint8Array | undefined>()
  const written = new Set<string>()
  let isAway = false
  const far: Store = { ...primary }
  for (const method of ['get', 'set', 'delete', 'add', 'replace', 'touch'] as const) {
    const call = (key: string, ...rest: unknown[]): Promise<unknown> => {
      written.add(key)
      if (isAway) return Promise.reject(awayError(method))
      return (primary[method] as (...all: unknown[]) => Promise<unknown>)(key, ...rest)
    }
    Object.assign(far, { [method]: call })
  }
  for (const method of ['getMany', 'setMany', 'deleteMany', 'bus'] as const) delete far[method]
  far.onPrimaryChange = (listener) => {
    listeners.add(listener)
    return () => listeners.delete(listener)
  }
  return {
    far,
    listeners,
    async follow() {
      replica = new Map()
      for (const key of written) replica.set(key, await primary.get(key))
    },
    away(on: boolean) {
      isAway = on
    },
    async fall() {
      for (const key of written) {
        const bytes = replica.get(key)
        if (bytes === undefined) await primary.delete(key)
        else await primary.set(key, bytes, { ttlMs: 600_000 })
      }
      for (const listener of listeners) listener()
    },
  }
}

async function world() {
  const clock = fakeClock()
  const store = replicated()
  const open = () =>
    createCache({ store: store.far, clock, memory: false, defaults: { jitter: 0, ttl: '1h' } })
  const cache = open()
  for (const key of ['deleted', 'expired', 'set', 'tagged', 'softly', 'other']) {
    const tags = key === 'tagged' ? ['t'] : key === 'softly' ? ['s'] : []
    await cache.set(key, 'old', { tags })
  }
  await cache.namespace('n').set('cleared', 'old')
  await store.follow()
  await clock.advance(61_000)
  return { clock, cache, store, other: open() }
}

describe('after a change of the primary', () => {
  it('every invalidation that the former one acknowledged is made once more', async () => {
    const { clock, cache, store, other } = await world()
    await cache.delete('deleted')
    await cache.expire('expired')
    await cache.set('set', 'new')
    await cache.invalidateTags(['t'])
    await cache.expireTags(['s'])
    await cache.namespace('n').clear()
    await store.fall()
    for (const key of ['deleted', 'expired', 'set', 'tagged', 'softly'])
      expect(await cache.get(key), key).toBeUndefined()
    expect(await cache.namespace('n').get('cleared')).toBeUndefined()
    // Somebody else learns of it from the store alone.
    expect(await other.get('deleted')).toBe('old')
    await clock.advance(1_000)
    for (const key of ['deleted', 'expired', 'set', 'tagged'])
      expect(await other.get(key), key).toBeUndefined()
    expect(await other.namespace('n').get('cleared')).toBeUndefined()
    expect(await other.get('other')).toBe('old')
    await cache.close()
    await other.close()
    expect(store.listeners.size).toBe(0)
  })

  it('what the former one acknowledged is made once more also where its word arrives after the change', async () => {
    const { clock, cache, store } = await world()
    let arrive = () => {}
    const arrived = new Promise<void>((resolve) => {
      arrive = resolve
    })
    const remove = store.far.delete
    store.far.delete = (key) => remove(key).then(() => arrived)
    const deleted = cache.delete('deleted')
    await clock.advance(1)
    await store.fall()
    store.far.delete = remove
    arrive()
    await deleted
    expect(await cache.get('deleted')).toBeUndefined()
    await clock.advance(1_000)
    expect(await cache.get('deleted')).toBeUndefined()
    await cache.close()
  })

  it('what was acknowledged more than a minute ago has long been copied, and is left alone', async () => {
    const { clock, cache, store } = await world()
    await cache.delete('deleted')
    await store.follow()
    await clock.advance(60_001)
    await cache.wrap('deleted', () => 'new')
    await store.follow()
    await store.fall()
    await clock.advance(1_000)
    expect(await cache.get('deleted')).toBe('new')
    await cache.close()
  })

  it('where too much was deleted to remember, everything is void', async () => {
    const clock = fakeClock()
    const store = replicated()
    const cache = createCache({
      store: store.far,
      clock,
      memory: false,
      resilience: { journal: 1 },
    })
    await cache.set('bystander', 'kept')
    for (let index = 0; index < 10; index++) await cache.delete(`k${index}`)
    await store.follow()
    await store.fall()
    await clock.advance(1_000)
    expect(await cache.get('bystander')).toBeUndefined()
    expect(await cache.wrap('bystander', () => 'new')).toBe('new')
    await cache.close()
  })

  it('a breaker that is open does not wait for its next probe', async () => {
    const { clock, cache, store } = await world()
    store.away(true)
    for (let index = 0; index < 20; index++) await cache.get('other')
    await clock.advance(20_000)
    store.away(false)
    expect(await cache.get('other')).toBeUndefined()
    await store.fall()
    await clock.advance(50)
    expect(await cache.get('other')).toBe('old')
    await cache.close()
  })

  it('stores that are made of others pass it on, and stop to listen with whoever asked', async () => {
    const inner = [replicated(), replicated()]
    const servers = inner.map(({ far }, index) => ({ name: `s${index}`, store: far }))
    const store = prefixedStore(shardedStore({ servers }), 'p:')
    let heard = 0
    const end = store.onPrimaryChange?.(() => heard++)
    for (const { fall } of inner) await fall()
    expect(heard).toBe(2)
    end?.()
    for (const { listeners } of inner) expect(listeners.size).toBe(0)
    expect(prefixedStore(memoryStore(), 'p:').onPrimaryChange).toBeUndefined()
  })
})
