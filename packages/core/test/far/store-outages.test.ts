import { describe, expect, it } from 'vitest'
import { ClosedError, InvalidationError, StoreError } from '../../src/errors.ts'
import type { Store } from '../../src/index.ts'
import { held } from '../held.ts'
import { type Process, Processes, type Watched, watched } from './processes.ts'

/** How long a call takes, in steps of 10 ms. */
async function tookMs(world: Processes, call: Promise<unknown>): Promise<number> {
  const answer = watched(call)
  const since = world.clock.monotonic()
  await world.rest()
  while (!answer.settled && world.clock.monotonic() - since < 5_000) await world.clock.advance(10)
  return world.clock.monotonic() - since
}

describe('a store of which each operation takes 150 ms', () => {
  const slow = [{ kind: 'delay', ms: 150 } as const]
  const calls: [string, (process: Process) => Promise<unknown>][] = [
    ['wrap of a cold key', ({ cache }) => cache.wrap('cold', () => 1)],
    ['wrap of a cold key with tags', ({ cache }) => cache.wrap('cold', () => 1, { tags: ['t'] })],
    ['wrapMany of cold keys', ({ cache }) => cache.wrapMany(['a', 'b'], () => [1, 2])],
    ['get', ({ cache }) => cache.get('key')],
    ['set', ({ cache }) => cache.set('key', 1, { tags: ['new'] }).catch(() => {})],
    ['delete', ({ cache }) => cache.delete(['key', 'other']).catch(() => {})],
    ['expire', ({ cache }) => cache.expire('key').catch(() => {})],
    ['invalidateTags', ({ cache }) => cache.invalidateTags(['t']).catch(() => {})],
    ['clear', ({ cache }) => cache.clear().catch(() => {})],
  ]
  it.each(calls)('costs %s 200 ms in all', async (_name, call) => {
    const world = new Processes()
    const process = world.start()
    await process.cache.set('key', 1, { ttl: 10_000, staleWhileRevalidate: 10_000 })
    await world.clock.advance(1_000)
    process.store.play(slow)
    expect(await tookMs(world, call(process))).toBeLessThanOrEqual(200)
    await world.close()
  })
})

describe('a store that hangs', () => {
  it('costs a call 200 ms until the breaker opens, then nothing; no wrap fails', async () => {
    const world = new Processes()
    const process = world.start({ memory: false })
    const { cache, store, far } = process
    store.play([{ kind: 'hang' }])
    const first = Array.from({ length: 20 }, (_none, index) =>
      watched(cache.wrap(`key ${index}`, () => index)),
    )
    await world.clock.advance(200)
    expect(first.map(({ value }) => value)).toEqual(first.map((_none, index) => index))
    for (let call = 0; call < 5; call++) {
      expect(
        await tookMs(
          world,
          cache.wrap(`more ${call}`, () => call),
        ),
      ).toBeLessThanOrEqual(200)
    }
    expect(far.tier.store.state).toBe('open')
    const before = ['get', 'getMany', 'add', 'set'].map((name) => store.calls(name as 'get'))
    for (let call = 0; call < 20; call++) {
      expect(
        await tookMs(
          world,
          cache.wrap(`free ${call}`, () => call),
        ),
      ).toBe(0)
    }
    expect(['get', 'getMany', 'add', 'set'].map((name) => store.calls(name as 'get'))).toEqual(
      before,
    )
    await world.close()
  })

  it('lets go of the calls in flight when the breaker opens', async () => {
    const world = new Processes()
    const { cache, store, far } = world.start({
      memory: false,
      resilience: { breaker: { failuresInARow: 2 } },
    })
    store.play([
      { kind: 'hang', key: /slow/ },
      { kind: 'reject', key: /broken/ },
    ])
    const slow = watched(cache.wrap('slow', () => 'slow'))
    await world.clock.advance(50)
    await cache.get('broken 1')
    await cache.get('broken 2')
    await world.rest()
    expect(far.tier.store.state).toBe('open')
    expect(slow.value).toBe('slow')
    await world.close()
  })

  it('is probed by nobody’s call, and trusted again once a probe is answered', async () => {
    const world = new Processes()
    const { cache, store, far } = world.start({ memory: false })
    const states: string[] = []
    cache.on('breaker', ({ state }) => states.push(state))
    store.play([{ kind: 'reject' }])
    for (let call = 0; call < 5; call++) await cache.get('key')
    expect(far.tier.store.state).toBe('open')
    await world.clock.advance(3_000)
    expect(far.tier.store.state).not.toBe('closed')
    store.play([])
    await world.clock.advance(2_000)
    expect(far.tier.store.state).toBe('closed')
    expect(states.slice(0, 3)).toEqual(['open', 'half-open', 'open'])
    expect(states.at(-1)).toBe('closed')
    expect(await cache.wrap('key', () => 1)).toBe(1)
    await world.rest()
    expect(await cache.get('key')).toBe(1)
    await world.close()
  })

  it('is not the origin’s outage: 64 loads at once, the others wait for their turn', async () => {
    const world = new Processes()
    const { cache, store } = world.start({ memory: false })
    store.play([{ kind: 'reject' }])
    for (let call = 0; call < 5; call++) await cache.get('key')
    const { load, runs } = held<number>()
    const answers = Array.from({ length: 200 }, (_none, index) => cache.wrap(`key ${index}`, load))
    await world.rest()
    expect(runs).toHaveLength(64)
    for (let done = 0; done < runs.length; done++) {
      runs[done]?.resolve(done)
      if (done % 20 === 0) await world.rest()
    }
    await world.rest()
    for (const run of runs) run.resolve(0)
    expect(await Promise.all(answers)).toHaveLength(200)
    await world.close()
  })

  it('has an outage memo: with a near tier each key is loaded once in 5 s', async () => {
    const world = new Processes()
    const { cache, store } = world.start()
    store.play([{ kind: 'reject' }])
    let loads = 0
    for (let waited = 0; waited < 4_800; waited += 200) {
      await cache.wrap('key', () => ++loads)
      await world.clock.advance(200)
    }
    expect(loads).toBeLessThanOrEqual(1)
    await world.clock.advance(300)
    expect(await cache.wrap('key', () => ++loads)).toBe(2)
    await world.close()
  })

  it('gives what a load brought meanwhile to whoever read from it in vain', async () => {
    const world = new Processes()
    const { cache, store } = world.start()
    store.play([{ kind: 'hang' }])
    let loads = 0
    const load = () => ++loads
    const first = watched(cache.wrap('key', load))
    await world.clock.advance(100)
    const second = watched(cache.wrapMany(['key'], () => [load()]))
    await world.clock.advance(200)
    expect(first.value).toBe(1)
    expect([...(second.value ?? [])]).toEqual([['key', 1]])
    await world.close()
  })
})

describe('a store that refuses', () => {
  it('writes for want of room goes on being read; only invalidations are told of it', async () => {
    const world = new Processes()
    const { cache, store, far } = world.start({ memory: false })
    await cache.set('key', 1)
    const full = new StoreError('out of memory', { kind: 'full' })
    store.play([{ kind: 'reject', error: full, on: ['set', 'setMany', 'add', 'replace'] }])
    for (let call = 0; call < 30; call++) expect(await cache.wrap(`cold ${call}`, () => 2)).toBe(2)
    expect(far.tier.store.state).toBe('closed')
    expect(await cache.get('key')).toBe(1)
    await expect(cache.set('key', 2)).rejects.toThrow(InvalidationError)
    await cache.delete('key')
    expect(await cache.get('key')).toBeUndefined()
    await world.close()
  })

  it('by throwing instead of rejecting, or with what is no error, is a store that failed', async () => {
    const world = new Processes()
    const thrown = () => {
      throw 'not even an error'
    }
    const { cache } = world.start({
      storeOf: (store: Store) => ({
        ...store,
        get: thrown,
        getMany: thrown,
        set: thrown,
        setMany: thrown,
        delete: thrown,
        deleteMany: thrown,
        add: thrown,
        replace: thrown,
      }),
    })
    expect(await cache.wrap('key', () => 1)).toBe(1)
    expect(await cache.get('other')).toBeUndefined()
    await expect(cache.delete('key')).rejects.toThrow(InvalidationError)
    expect(cache.stats().storeErrors).toBeGreaterThan(0)
    await world.close()
  })

  it('to hand out its bus is used without one', async () => {
    const world = new Processes()
    const { createCache } = await import('../../src/cache.ts')
    const { memoryStore } = await import('../../src/store/memory-store.ts')
    const store = memoryStore({ clock: world.clock })
    store.bus = () => {
      throw new ClosedError('no bus')
    }
    const cache = createCache({ store, clock: world.clock })
    cache.on('error', () => {})
    expect(await cache.wrap('key', () => 1)).toBe(1)
    expect((await cache.explain('key')).maxAgeMs).toBe(1_000)
    await cache.close()
    expect(world.clock.pendingTimers).toBe(0)
  })
})

describe('switched off', () => {
  it('reads and keeps nothing, and invalidations still reach the store', async () => {
    const world = new Processes()
    const one = world.start()
    const two = world.start({ memory: false })
    await one.cache.setMany([
      ['a', 1],
      ['b', 2],
      ['c', 3],
    ])
    one.cache.enabled = false
    expect(await one.cache.get('a')).toBeUndefined()
    expect(await one.cache.wrap('a', () => 'own')).toBe('own')
    expect(await two.cache.get('a')).toBe(1)
    await one.cache.delete('a')
    await one.cache.set('b', 'set while off')
    await one.cache.expire('c')
    expect((await two.cache.getMany(['a', 'b', 'c'])).size).toBe(0)
    await two.cache.set('a', 'new')
    one.cache.enabled = true
    expect(await one.cache.get('a')).toBe('new')
    expect(await one.cache.get('b')).toBeUndefined()
    await world.close()
  })

  it('while a load is under way keeps its value out of both tiers', async () => {
    const world = new Processes()
    const one = world.start()
    const two = world.start({ memory: false })
    const { load, runs } = held<string>()
    const loading = one.cache.wrap('key', load)
    await world.rest()
    one.cache.enabled = false
    runs[0]?.resolve('value')
    expect(await loading).toBe('value')
    await world.rest()
    one.cache.enabled = true
    expect(await two.cache.get('key')).toBeUndefined()
    expect(await one.cache.get('key')).toBeUndefined()
    await world.close()
  })
})

describe('close', () => {
  it('leaves no timer, no subscription and no claim, whatever was under way', async () => {
    const world = new Processes()
    const one = world.start({ withBus: true })
    const two = world.start({ withBus: true })
    await world.clock.advance(10)
    await one.cache.set('stale', 'old', { ttl: 10, staleWhileRevalidate: 60_000 })
    await world.clock.advance(100)
    const { load } = held<string>()
    const waiting: Watched<unknown>[] = [
      watched<unknown>(one.cache.wrap('held', load)),
      watched<unknown>(one.cache.wrap('stale', load, { staleWhileRevalidate: 60_000 })),
    ]
    await world.rest()
    waiting.push(
      watched<unknown>(two.cache.wrap('held', load)),
      watched<unknown>(two.cache.get('held')),
    )
    two.store.play([{ kind: 'reject', on: ['delete', 'deleteMany'] }])
    await two.cache.delete('other').catch(() => {})
    await world.rest()
    const closed = Promise.all([one, two].map(({ cache }) => cache.close({ drain: 100 })))
    await world.clock.advance(100)
    await closed
    await world.rest()
    expect(waiting.every(({ settled }) => settled)).toBe(true)
    expect(waiting[0]?.error).toBeInstanceOf(ClosedError)
    expect(world.backing.hub.size).toBe(0)
    expect(world.clock.pendingTimers).toBe(0)
    const third = world.start()
    expect(await third.cache.wrap('held', () => 'free')).toBe('free')
    await third.cache.close()
    for (const call of [
      () => one.cache.wrap('key', () => 1),
      () => one.cache.get('key'),
      () => one.cache.delete('key'),
      () => one.cache.set('key', 1),
    ])
      await expect(call()).rejects.toThrow(ClosedError)
  })

  it('while the store is being read or written settles every call', async () => {
    const world = new Processes()
    const { cache, store } = world.start()
    store.play([{ kind: 'hang' }])
    const calls = [
      cache.wrap('key', () => 1),
      cache.wrapMany(['a', 'b'], () => [1, 2]),
      cache.get('key'),
      cache.delete('key'),
      cache.invalidateTags(['t']),
    ].map((call) => watched<unknown>(call))
    await world.rest()
    const closed = cache.close({ drain: 0 })
    await world.clock.advance(1)
    await closed
    await world.rest()
    expect(calls.map(({ settled }) => settled)).toEqual(calls.map(() => true))
    await world.clock.advance(10_000)
    expect(world.clock.pendingTimers).toBe(0)
  })
})
