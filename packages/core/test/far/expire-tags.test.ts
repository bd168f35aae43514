import { describe, expect, it } from 'vitest'
import { resolveCodec } from '../../src/entry/codec.ts'
import { decodeEntry, encodeVersion } from '../../src/entry/envelope.ts'
import { InvalidationError } from '../../src/errors.ts'
import type { Cache, Store } from '../../src/index.ts'
import { memoryStore } from '../../src/store/memory-store.ts'
import { held, stateOf } from '../held.ts'
import { Processes, type ProcessOptions } from './processes.ts'

const tagged = { tags: ['t'] } as const
const windows = {
  defaults: { ttl: '1h', staleWhileRevalidate: '1m', staleIfError: '10m' },
} as const
/** Without a near tier each look is one at the store. */
const bare = { ...windows, memory: false } as const
const versionKey = 'default:/%t/t'

const broken = () => Promise.reject(new Error('the origin is away'))

async function statusOf(cache: Cache, key: string): Promise<string> {
  const { status, staleBecause, goneBecause } = await cache.explain(key)
  return `${status} ${staleBecause ?? goneBecause ?? ''}`.trim()
}

async function versionOf(world: Processes) {
  const bytes = await memoryStore({ backing: world.backing }).get(versionKey)
  return bytes === undefined ? undefined : decodeEntry(bytes, versionKey, resolveCodec())
}

/** A store whose next `operation` waits until the test lets it go. */
function gated(operation: 'getMany' | 'replace') {
  const waiting: (() => void)[] = []
  let closed = false
  const storeOf = (store: Store): Store => ({
    ...store,
    [operation]: async (...args: never[]) => {
      const call = () => (store[operation] as (...all: never[]) => Promise<unknown>)(...args)
      if (!closed) return call()
      // What was asked for has been read; what is to be written has not been written.
      const read = operation === 'getMany' ? await call() : undefined
      await new Promise<void>((resolve) => waiting.push(resolve))
      return operation === 'getMany' ? read : call()
    },
  })
  return {
    storeOf,
    shut() {
      closed = true
    },
    open() {
      closed = false
      for (const go of waiting.splice(0)) go()
    },
  }
}

describe('expireTags over a store', () => {
  it('makes what other processes stored stale for all of them; one of them refreshes it, and it is fresh for all', async () => {
    const world = new Processes()
    const [one, two, three] = [world.start(bare), world.start(bare), world.start(bare)]
    await one.cache.wrap('key', () => 'old', tagged)
    const outcomes: string[] = []
    for (const { cache } of [two, three])
      for (const event of ['hit', 'stale', 'miss'] as const)
        cache.on(event, ({ status, tier }) => outcomes.push(`${status} ${tier}`))
    await one.cache.expireTags(['t'])
    expect(await statusOf(two.cache, 'key')).toBe('stale tag t')
    const { load, runs } = held<string>()
    expect(await two.cache.wrap('key', load, tagged)).toBe('old')
    await world.rest()
    expect(await three.cache.wrap('key', load, tagged)).toBe('old')
    expect(await three.cache.get('key')).toBe('old')
    await world.rest()
    expect(runs).toHaveLength(1)
    runs[0]?.resolve('new')
    await world.rest()
    expect(await three.cache.get('key')).toBe('new')
    expect(await statusOf(one.cache, 'key')).toBe('fresh')
    expect(outcomes).toEqual(['stale far', 'stale far', 'stale far', 'hit far'])
    await world.close()
  })

  it('reaches the near tiers of others at once by the bus, and without one after their maxAge', async () => {
    for (const withBus of [true, false]) {
      const world = new Processes()
      const [one, two] = [
        world.start({ ...windows, withBus }),
        world.start({ ...windows, withBus }),
      ]
      await world.clock.advance(100)
      await one.cache.set('key', 'old', tagged)
      expect(await two.cache.get('key')).toBe('old')
      await one.cache.expireTags(['t'])
      await world.rest()
      expect(await statusOf(one.cache, 'key')).toBe('stale tag t')
      expect(await statusOf(two.cache, 'key')).toBe(withBus ? 'stale tag t' : 'fresh')
      await world.clock.advance(1_000)
      expect(await two.cache.get('key')).toBe('old')
      expect(await statusOf(two.cache, 'key')).toBe('stale tag t')
      // What one of them has refreshed the other does not go on serving stale.
      expect(await one.cache.wrap('key', () => 'new', tagged)).toBe('old')
      await world.rest()
      if (!withBus) await world.clock.advance(1_000)
      expect(await two.cache.get('key')).toBe('new')
      await world.close()
    }
  })

  it('is stale also for whoever reads a clock that is a moment old', async () => {
    const world = new Processes()
    const [one, two] = [world.start(windows), world.start(windows)]
    await one.cache.set('key', 'old', tagged)
    await one.cache.expireTags(['t'])
    Object.defineProperty(two.engine.coarse, 'now', { value: () => world.clock.monotonic() - 3 })
    const outcomes: string[] = []
    two.cache.on('stale', ({ status, tier }) => outcomes.push(`${status} ${tier}`))
    for (let reads = 0; reads < 3; reads++) expect(await two.cache.get('key')).toBe('old')
    expect(outcomes).toEqual(['stale far', 'stale near', 'stale near'])
    expect(two.cache.stats().hits).toBe(0)
    await world.close()
  })

  it('makes stale, too, what was read from the store while it was on its way there', async () => {
    const world = new Processes()
    const gate = gated('replace')
    const { cache } = world.start({ ...windows, storeOf: gate.storeOf })
    const two = world.start(bare)
    await two.cache.set('key', 'old', tagged)
    gate.shut()
    const expiring = cache.expireTags(['t'])
    await world.rest()
    expect(await cache.get('key')).toBe('old')
    gate.open()
    await expiring
    expect(cache.peek('key')).toBe('old')
    expect(await statusOf(cache, 'key')).toBe('stale tag t')
    await world.close()
  })

  it('opens the windows once, from the first call after the load, and is gone without one', async () => {
    const world = new Processes()
    const one = world.start(bare)
    const two = world.start(bare)
    await one.cache.set('key', 'old', tagged)
    await one.cache.set('windowless', 'old', {
      ...tagged,
      staleWhileRevalidate: 0,
      staleIfError: 0,
    })
    await two.cache.expireTags(['t'])
    expect(await statusOf(one.cache, 'windowless')).toBe('absent tag t')
    for (let seconds = 0; seconds < 600; seconds += 20) {
      expect(await one.cache.wrap('key', broken, { ...tagged, staleWhileRevalidate: 0 })).toBe(
        'old',
      )
      expect(await two.cache.get('key')).toBe(seconds < 60 ? 'old' : undefined)
      await world.clock.advance('20s')
      await two.cache.expireTags(['t'])
    }
    await expect(one.cache.wrap('key', broken, tagged)).rejects.toThrow('away')
    expect(await statusOf(one.cache, 'key')).toBe('absent tag t')
    await world.close()
  })

  it('makes stale, and not fresh, what another process was loading meanwhile', async () => {
    const world = new Processes()
    const [one, two] = [world.start(bare), world.start(bare)]
    const { load, runs } = held<string>()
    const loading = one.cache.wrap('key', load, tagged)
    await world.rest()
    await two.cache.expireTags(['t'])
    const waits = two.cache.wrap('key', () => 'new', tagged)
    await world.rest()
    runs[0]?.resolve('old')
    await world.rest()
    expect(await loading).toBe('old')
    expect(await statusOf(one.cache, 'key')).toBe('stale tag t')
    // Who has waited for the other's load, and came after the call, loads for itself.
    await world.clock.advance(100)
    expect(await waits).toBe('new')
    expect(await statusOf(one.cache, 'key')).toBe('fresh')
    await world.close()
  })

  it('keeps out a load in another process that names its tags only at its end', async () => {
    const world = new Processes()
    const [one, two] = [world.start(bare), world.start(bare)]
    // The tag has a version, so that there is something to be expired.
    await two.cache.set('bystander', 'old', tagged)
    const { load, runs } = held<string>()
    const loading = one.cache.wrap<string>('key', ({ setTags }) => {
      setTags(['t'])
      return load()
    })
    await world.rest()
    await two.cache.expireTags(['t'])
    runs[0]?.resolve('old')
    await world.rest()
    expect(await loading).toBe('old')
    expect(await two.cache.get('key')).toBeUndefined()
    expect((await one.cache.explain('key')).notKeptBecause).toBe('fenced')
    await world.close()
  })

  it('takes effect in the namespace it is called on and those inside', async () => {
    const world = new Processes()
    const one = world.start(bare).cache
    const two = world.start(bare).cache
    const places = (cache: Cache) => [
      cache,
      cache.namespace('a'),
      cache.namespace('a').namespace('b'),
    ]
    for (const place of places(one)) await place.set('key', 'old', tagged)
    await two.namespace('a').expireTags(['t'])
    const seen = await Promise.all(places(one).map((place) => statusOf(place, 'key')))
    expect(seen).toEqual(['fresh', 'stale tag t', 'stale tag t'])
    await world.close()
  })
})

describe('the version of a tag that is expired', () => {
  it('keeps its stamp, and starts without expiries when the tag is invalidated', async () => {
    const world = new Processes()
    const { cache } = world.start(bare)
    await cache.set('key', 'old', tagged)
    const before = await versionOf(world)
    for (let calls = 0; calls < 100; calls++) await cache.expireTags(['t'])
    const after = await versionOf(world)
    expect(after).toMatchObject({ kind: 'version', stamp: (before as { stamp: string }).stamp })
    expect((after as { readonly expiries?: unknown }).expiries).toHaveLength(8)
    await cache.invalidateTags(['t'])
    const fresh = await versionOf(world)
    expect(fresh).not.toHaveProperty('expiries')
    expect(fresh).not.toMatchObject({ stamp: (before as { stamp: string }).stamp })
    await world.close()
  })

  it.each(['getMany', 'replace'] as const)(
    'is never written over an invalidation that came between: its %s is on its way',
    async (operation) => {
      const world = new Processes()
      const gate = gated(operation)
      const slow = world.start({ ...bare, storeOf: gate.storeOf })
      const two = world.start(bare)
      await two.cache.set('key', 'old', tagged)
      gate.shut()
      const expiring = slow.cache.expireTags(['t'])
      await world.rest()
      await two.cache.invalidateTags(['t'])
      expect(await two.cache.get('key')).toBeUndefined()
      gate.open()
      await expiring
      expect(await two.cache.get('key')).toBeUndefined()
      expect(await slow.cache.get('key')).toBeUndefined()
      await world.close()
    },
  )

  it('may be written by two processes at once: what either expired is stale', async () => {
    const world = new Processes()
    const gate = gated('replace')
    const slow = world.start({ ...bare, storeOf: gate.storeOf })
    const two = world.start(bare)
    await two.cache.set('key', 'old', tagged)
    gate.shut()
    const expiring = slow.cache.expireTags(['t'])
    await world.rest()
    await two.cache.expireTags(['t'])
    await two.cache.set('between', 'old', tagged)
    gate.open()
    await expiring
    for (const key of ['key', 'between']) {
      expect(await statusOf(two.cache, key), key).toBe('stale tag t')
      expect(await two.cache.get(key), key).toBe('old')
    }
    await two.cache.set('after', 'new', tagged)
    expect(await statusOf(slow.cache, 'after')).toBe('fresh')
    await world.close()
  })

  it('counts windows from the load where it is not known which expiry the load saw', async () => {
    const world = new Processes()
    const { cache } = world.start(bare)
    const store = memoryStore({ backing: world.backing })
    await cache.expireTags(['t'])
    const before = (await store.get(versionKey)) as Uint8Array
    await cache.expireTags(['t'])
    await cache.set('key', 'old', tagged)
    await world.clock.advance('30s')
    await cache.expireTags(['t'])
    // As after a failover to a server that had not seen the second one.
    await store.set(versionKey, before, { ttlMs: 60_000 })
    await cache.expireTags(['t'])
    expect(await statusOf(cache, 'key')).toBe('stale tag t')
    await world.clock.advance('29s')
    expect(await cache.get('key')).toBe('old')
    await world.clock.advance('1s')
    expect(await cache.get('key')).toBeUndefined()
    await world.close()
  })

  it('that is lost, or unreadable, leaves nothing to serve', async () => {
    const world = new Processes()
    const { cache } = world.start(bare)
    const store = memoryStore({ backing: world.backing })
    for (const lose of [
      () => store.delete(versionKey),
      () => store.set(versionKey, Buffer.from('not ours'), { ttlMs: 60_000 }),
    ]) {
      await cache.set('key', 'old', tagged)
      await cache.expireTags(['t'])
      await lose()
      expect(await cache.get('key')).toBeUndefined()
      await cache.set('key', 'old', tagged)
      await lose()
      await cache.expireTags(['t'])
      expect(await cache.get('key')).toBeUndefined()
    }
    await world.close()
  })

  it('written by a release that knows no expiries has none, and is expired like any other', async () => {
    const world = new Processes()
    const { cache } = world.start(bare)
    const stamp = 'ab'.repeat(16)
    const bytes = encodeVersion({ key: versionKey, stamp }, resolveCodec())
    world.backing.write(versionKey, bytes, 60_000)
    await cache.set('key', 'old', tagged)
    expect(await statusOf(cache, 'key')).toBe('fresh')
    await cache.expireTags(['t'])
    expect(await statusOf(cache, 'key')).toBe('stale tag t')
    expect(await versionOf(world)).toMatchObject({ stamp, expiries: [{}] })
    await world.close()
  })

  it('is a new one where the store cannot compare and set: what was under it is gone', async () => {
    const world = new Processes()
    const storeOf = (store: Store): Store => {
      const { add: _add, replace: _replace, ...rest } = store
      return rest
    }
    const [one, two] = [world.start({ ...bare, storeOf }), world.start({ ...bare, storeOf })]
    await one.cache.set('key', 'old', tagged)
    await one.cache.expireTags(['t'])
    expect(await statusOf(two.cache, 'key')).toBe('absent tag t')
    await world.close()
  })
})

describe('expireTags on a machine whose clock is wrong', () => {
  it.each([
    ['an hour ahead', 3_600_000],
    ['an hour behind', -3_600_000],
  ])('%s makes stale at once, and nothing is fresh again later', async (_name, skewMs) => {
    const world = new Processes()
    const here = world.start(bare)
    const options: ProcessOptions = {
      ...windows,
      defaults: { ...windows.defaults, staleWhileRevalidate: '2h' },
    }
    const there = world.start(options)
    there.clock.jump(skewMs)
    await here.cache.set('key', 'old', { ...tagged, staleWhileRevalidate: '2h' })
    await there.cache.expireTags(['t'])
    for (let minutes = 0; minutes < 60; minutes += 10) {
      expect(await statusOf(here.cache, 'key')).toBe('stale tag t')
      expect(await here.cache.get('key')).toBe('old')
      await world.clock.advance('9m')
    }
    await world.close()
  })
})

describe('expireTags that does not reach the store', () => {
  it('rejects, holds here, and is made up for as an invalidation', async () => {
    const world = new Processes()
    const one = world.start(windows)
    const two = world.start(bare)
    await one.cache.set('key', 'old', tagged)
    one.store.play([{ kind: 'reject' }])
    const failed = one.cache.expireTags(['t'])
    await expect(failed).rejects.toThrow(InvalidationError)
    await expect(failed).rejects.toThrow(/^expireTags did not reach the store/)
    expect(await statusOf(one.cache, 'key')).toBe('stale tag t')
    expect(await statusOf(two.cache, 'key')).toBe('fresh')
    one.store.heal()
    await world.clock.advance('3s')
    expect(await statusOf(two.cache, 'key')).toBe('absent tag t')
    expect(one.far.tier.journal.isEmpty).toBe(true)
    await world.close()
  })

  it('leaves an invalidation that is still to be made up for as it is', async () => {
    const world = new Processes()
    const one = world.start(bare)
    const two = world.start(bare)
    await one.cache.set('key', 'old', tagged)
    one.store.play([{ kind: 'reject' }])
    await expect(one.cache.invalidateTags(['t'])).rejects.toThrow(InvalidationError)
    one.store.play([])
    await one.cache.expireTags(['t'])
    expect(one.far.tier.journal.isEmpty).toBe(false)
    expect(await one.cache.get('key')).toBeUndefined()
    await world.clock.advance('3s')
    expect(await two.cache.get('key')).toBeUndefined()
    expect(one.far.tier.journal.isEmpty).toBe(true)
    await world.close()
  })

  it('is waited for within the budget of one call', async () => {
    const world = new Processes()
    const one = world.start(bare)
    await one.cache.set('key', 'old', tagged)
    one.store.play([{ kind: 'hang' }])
    const failing = one.cache.expireTags(['t'])
    failing.catch(() => {})
    await world.clock.advance(199)
    expect(await stateOf(failing)).toBe('pending')
    await world.clock.advance(1)
    await expect(failing).rejects.toThrow(InvalidationError)
    await world.close()
  })
})
