import { describe, expect, it } from 'vitest'
import { InvalidationError, StoreError } from '../../src/errors.ts'
import type { Cache, Store } from '../../src/index.ts'
import { Processes, watched } from './processes.ts'

const invalidations: readonly [string, (cache: Cache) => Promise<void>][] = [
  ['delete', (cache) => cache.delete('key')],
  ['set', (cache) => cache.set('key', 'new')],
  ['invalidateTags', (cache) => cache.invalidateTags(['tag'])],
  ['expireTags', (cache) => cache.expireTags(['tag'])],
  ['clear', (cache) => cache.clear()],
  ['expire', (cache) => cache.expire('key')],
]

describe('an invalidation that does not reach the store', () => {
  it.each(invalidations)(
    'by %s rejects, is not believed meanwhile, and is made up for soon, though the breaker never opened',
    async (_name, invalidate) => {
      const world = new Processes()
      const one = world.start({ memory: false })
      const two = world.start({ memory: false })
      await one.cache.wrap('key', () => 'old', { tags: ['tag'] })
      await world.rest()
      expect(await two.cache.get('key')).toBe('old')
      one.store.play([
        { kind: 'reject', on: ['set', 'setMany', 'delete', 'deleteMany', 'replace'] },
      ])
      const failed = watched(invalidate(one.cache))
      await world.rest()
      expect(failed.error).toBeInstanceOf(InvalidationError)
      one.store.play([])
      expect(await one.cache.get('key')).toBeUndefined()
      await world.clock.advance(1_000)
      expect(await two.cache.get('key')).toBeUndefined()
      expect(one.far.tier.journal.size).toBe(0)
      expect(await one.cache.wrap('key', () => 'newer')).toBe('newer')
      await world.rest()
      expect(await one.cache.get('key')).toBe('newer')
      expect(await two.cache.get('key')).toBe('newer')
      await world.close()
      expect(world.clock.pendingTimers).toBe(0)
    },
  )

  it.each(invalidations)(
    'by %s is not undone by a read that was sent before it was made up for, and answered after',
    async (_name, invalidate) => {
      const world = new Processes()
      const answers: (() => void)[] = []
      let isSlow = false
      const storeOf = (store: Store): Store => ({
        ...store,
        async getMany(keys) {
          const found = await (store.getMany as NonNullable<Store['getMany']>)(keys)
          if (isSlow) await new Promise<void>((resolve) => answers.push(resolve))
          return found
        },
      })
      const one = world.start({ memory: false, storeOf })
      await one.cache.set('key', 'old', { tags: ['tag'] })
      one.store.play([
        { kind: 'reject', on: ['set', 'setMany', 'delete', 'deleteMany', 'replace'] },
      ])
      await expect(invalidate(one.cache)).rejects.toThrow(InvalidationError)
      one.store.play([])
      isSlow = true
      const reading = one.cache.wrap('key', () => 'newer', { tags: ['tag'] })
      await world.rest()
      isSlow = false
      while (!one.far.tier.journal.isEmpty) await world.clock.advance(10)
      for (const answer of answers) answer()
      await world.clock.advance(10)
      expect(await reading).toBe('newer')
      await world.close()
    },
  )

  it('is waited for by close, and tried once more where it has failed', async () => {
    const world = new Processes()
    const one = world.start({ memory: false })
    const two = world.start({ memory: false })
    await one.cache.set('slow', 'old')
    await one.cache.set('failed', 'old')
    one.store.play([
      { kind: 'delay', ms: 100, on: 'delete', key: /slow/ },
      { kind: 'reject', on: 'delete', key: /failed/, nth: 1 },
    ])
    const failed = watched(one.cache.delete('failed'))
    const slow = watched(one.cache.delete('slow'))
    await world.rest()
    expect(failed.error).toBeInstanceOf(InvalidationError)
    const closed = watched(one.cache.close())
    await world.rest()
    expect(closed.settled).toBe(false)
    await world.clock.advance(110)
    expect(closed.settled).toBe(true)
    expect(slow).toEqual({ settled: true, value: undefined })
    expect(await two.cache.getMany(['slow', 'failed'])).toEqual(new Map())
    await world.close()
    expect(world.clock.pendingTimers).toBe(0)
  })

  it('is told on the bus again once it is made up for: others may have read the old value meanwhile', async () => {
    const world = new Processes()
    const one = world.start({ withBus: true })
    const two = world.start({ withBus: true })
    await world.clock.advance(10)
    await one.cache.wrap('key', () => 'old')
    await world.rest()
    one.store.play([{ kind: 'reject', on: ['delete', 'deleteMany'] }])
    const failed = watched(one.cache.delete('key'))
    await world.rest()
    expect(failed.error).toBeInstanceOf(InvalidationError)
    // Told of it, it looks again, and the store still has the old value.
    expect(await two.cache.get('key')).toBe('old')
    one.store.play([])
    await world.clock.advance(600)
    expect(one.far.tier.journal.isEmpty).toBe(true)
    expect(two.cache.peek('key')).toBeUndefined()
    expect(await two.cache.get('key')).toBeUndefined()
    await world.close()
  })

  it('that is made up for writes a new version, and not once more the one that may have arrived', async () => {
    const world = new Processes()
    const one = world.start({ memory: false })
    const two = world.start({ memory: false })
    await one.cache.wrap('key', () => 'first')
    await world.rest()
    // It arrives, and its answer does not.
    one.store.play([{ kind: 'reject', applied: true, on: ['set', 'setMany'] }])
    await expect(one.cache.clear()).rejects.toThrow(InvalidationError)
    await two.cache.wrap('key', () => 'second')
    await world.rest()
    await two.cache.clear()
    one.store.play([])
    await world.clock.advance(1_000)
    expect(one.far.tier.journal.isEmpty).toBe(true)
    expect(await two.cache.get('key')).toBeUndefined()
    await world.close()
  })

  it('again while it is being made up for stays in the journal', async () => {
    const world = new Processes()
    const { cache, store, far } = world.start({ memory: false })
    store.play([{ kind: 'reject', on: ['delete', 'deleteMany'] }])
    await expect(cache.delete('key')).rejects.toThrow(InvalidationError)
    store.play([{ kind: 'delay', ms: 300, on: ['delete', 'deleteMany'] }])
    await world.clock.advance(260)
    store.play([{ kind: 'reject', on: ['delete', 'deleteMany'] }])
    await expect(cache.delete('key')).rejects.toThrow(InvalidationError)
    await world.clock.advance(300)
    expect(far.tier.journal.size).toBe(1)
    store.play([])
    await world.clock.advance(3_000)
    expect(far.tier.journal.isEmpty).toBe(true)
    await world.close()
  })

  it('of more keys than the journal holds clears the namespace before anything is believed again', async () => {
    const world = new Processes()
    const one = world.start({ memory: false, resilience: { journal: 2 } })
    const two = world.start({ memory: false })
    for (const key of ['a', 'b', 'c', 'd']) await two.cache.wrap(key, () => 'old')
    await world.rest()
    one.store.play([{ kind: 'reject', on: ['delete', 'deleteMany'] }])
    await expect(one.cache.delete(['a', 'b', 'c'])).rejects.toThrow(InvalidationError)
    expect(one.far.tier.journal.overflowed).toBe(true)
    expect(one.far.tier.journal.size).toBeLessThanOrEqual(2)
    expect(await one.cache.get('d')).toBeUndefined()
    one.store.play([])
    await world.clock.advance(1_000)
    expect(one.far.tier.journal.isEmpty).toBe(true)
    for (const key of ['a', 'b', 'c', 'd']) expect(await two.cache.get(key)).toBeUndefined()
    await world.close()
  })

  it('of a key that the store does not take holds nothing up', async () => {
    const world = new Processes()
    const { cache, store, far } = world.start({ memory: false })
    const invalid = new StoreError('too long', { kind: 'invalid-key' })
    store.play([{ kind: 'reject', error: invalid, key: /bad$/, on: ['delete', 'deleteMany'] }])
    await expect(cache.delete('bad')).rejects.toThrow(InvalidationError)
    await world.clock.advance(1_000)
    expect(far.tier.journal.isEmpty).toBe(true)
    await world.close()
  })

  it('is made up for before the breaker closes', async () => {
    const world = new Processes()
    const one = world.start({ memory: false })
    const two = world.start({ memory: false })
    await one.cache.wrap('key', () => 'old')
    await world.rest()
    one.store.play([{ kind: 'reject' }])
    for (let tries = 0; tries < 6; tries++) await one.cache.delete('key').catch(() => {})
    expect(one.far.tier.store.state).toBe('open')
    await expect(one.cache.delete('key')).rejects.toThrow(InvalidationError)
    const states: string[] = []
    one.cache.on('breaker', ({ state }) => states.push(`${state} ${one.far.tier.journal.size}`))
    one.store.play([{ kind: 'reject', on: ['delete', 'deleteMany'] }])
    await world.clock.advance(1_000)
    expect(one.far.tier.store.state).not.toBe('closed')
    one.store.play([])
    await world.clock.advance(3_000)
    expect(states.at(-1)).toBe('closed 0')
    expect(await two.cache.get('key')).toBeUndefined()
    await world.close()
  })
})
