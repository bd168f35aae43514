import { describe, expect, it } from 'vitest'
import { InvalidationError } from '../../src/errors.ts'
import { Processes, watched } from './processes.ts'

describe('an invalidation that does not reach the store', () => {
  it.each([
    ['delete', (cache) => cache.delete('key')],
    ['set', (cache) => cache.set('key', 'new')],
    ['invalidateTags', (cache) => cache.invalidateTags(['tag'])],
    ['clear', (cache) => cache.clear()],
    ['expire', (cache) => cache.expire('key')],
  ] as [string, (cache: import('../../src/index.ts').Cache) => Promise<void>][])(
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
})
