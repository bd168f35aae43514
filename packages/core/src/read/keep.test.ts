import { describe, expect, it } from 'vitest'
import { held, turn } from '../../test/held.ts'
import { createCache } from '../cache.ts'
import { fakeClock } from '../testing/fake-clock.ts'
import type { LoaderContext } from './loader-context.ts'

const plain = { jitter: 0, earlyRefresh: false } as const

describe('tags that a loader names at its end', () => {
  it('send a caller who came after their invalidation to a load of its own', async () => {
    const cache = createCache({ clock: fakeClock() })
    const loads: ((value: string) => void)[] = []
    const load = (context: LoaderContext) =>
      new Promise<string>((resolve) => loads.push(resolve)).then((value) => {
        context.setTags(['t'])
        return value
      })
    const before = cache.wrap('k', load)
    await cache.invalidateTags(['t'])
    const after = cache.wrap('k', load)
    loads[0]?.('old')
    expect(await before).toBe('old')
    await turn()
    loads[1]?.('new')
    expect(await after).toBe('new')
  })

  it('do so also where the key is deleted while that caller waits', async () => {
    const cache = createCache({ clock: fakeClock() })
    const loads: ((value: string) => void)[] = []
    const load = (context: LoaderContext) =>
      new Promise<string>((resolve) => loads.push(resolve)).then((value) => {
        context.setTags(['t'])
        return value
      })
    const before = cache.wrap('k', load)
    await cache.invalidateTags(['t'])
    const after = cache.wrap('k', load)
    await cache.delete('k')
    loads[0]?.('old')
    expect(await before).toBe('old')
    await turn()
    loads[1]?.('new')
    expect(await after).toBe('new')
  })

  it('do so also where the cache is cleared while that caller waits', async () => {
    const cache = createCache({ clock: fakeClock() })
    const loads: ((value: string) => void)[] = []
    const load = (context: LoaderContext) =>
      new Promise<string>((resolve) => loads.push(resolve)).then((value) => {
        context.setTags(['t'])
        return value
      })
    const before = cache.wrap('k', load)
    await cache.invalidateTags(['t'])
    const after = cache.wrap('k', load)
    await cache.clear()
    loads[0]?.('old')
    expect(await before).toBe('old')
    await turn()
    loads[1]?.('new')
    expect(await after).toBe('new')
  })

  it.each(['wrap', 'wrapMany'] as const)(
    'leave a caller of %s who asked for a refresh its refresh: what was kept before is not good enough',
    async (verb) => {
      const cache = createCache({ clock: fakeClock() })
      await cache.set('k', 'kept')
      const loads: ((value: string) => void)[] = []
      const load = (context: LoaderContext) =>
        new Promise<string>((resolve) => loads.push(resolve)).then((value) => {
          context.setTags(['t'])
          return value
        })
      const before = cache.wrap('k', load, { refresh: true })
      await cache.invalidateTags(['t'])
      const after =
        verb === 'wrap'
          ? cache.wrap('k', load, { refresh: true })
          : cache
              .wrapMany(['k'], async (_missing, context) => [await load(context)], {
                refresh: true,
              })
              .then((values) => values.get('k'))
      loads[0]?.('old')
      expect(await before).toBe('old')
      await turn()
      loads[1]?.('new')
      expect(await after).toBe('new')
    },
  )
})

describe('notModified', () => {
  it('keeps the tags that an earlier loader gave the value', async () => {
    const clock = fakeClock()
    const cache = createCache({ clock, defaults: { ...plain, ttl: 100, staleIfError: 1_000 } })
    await cache.wrap('k', ({ setTags }) => {
      setTags(['t'])
      return 'old'
    })
    await clock.advance(100)
    expect(await cache.wrap('k', ({ notModified }) => notModified())).toBe('old')
    expect((await cache.explain('k')).tags).toEqual(['t'])
    await cache.invalidateTags(['t'])
    expect(await cache.wrap('k', () => 'new')).toBe('new')
  })

  it('does not bring back a value whose tag was invalidated while the loader asked', async () => {
    const clock = fakeClock()
    const cache = createCache({ clock, defaults: { ...plain, ttl: 100, staleIfError: 1_000 } })
    await cache.wrap('k', ({ setTags }) => {
      setTags(['t'])
      return 'old'
    })
    await clock.advance(100)
    const { load, runs } = held<void>()
    const asking = cache.wrap('k', async ({ notModified }) => {
      await load()
      return notModified()
    })
    await cache.invalidateTags(['t'])
    runs[0]?.resolve()
    expect(await asking).toBe('old')
    expect(await cache.wrap('k', () => 'new')).toBe('new')
  })
})

describe('skip', () => {
  it('leaves what was kept where the loader skips undefined', async () => {
    const cache = createCache({ clock: fakeClock() })
    await cache.set('k', 'kept')
    const refresh = { refresh: true }
    expect(await cache.wrap<unknown>('k', ({ skip }) => skip(undefined), refresh)).toBeUndefined()
    expect(cache.peek('k')).toBe('kept')
  })

  it('leaves what was kept where the loader skips a value that could not be kept at all', async () => {
    const cache = createCache({ clock: fakeClock() })
    await cache.set('k', 'kept')
    const errors: unknown[] = []
    cache.on('error', (event) => errors.push(event))
    const skipped = () => 'a function'
    expect(await cache.wrap<unknown>('k', ({ skip }) => skip(skipped), { refresh: true })).toBe(
      skipped,
    )
    expect(cache.peek('k')).toBe('kept')
    expect(errors).toEqual([])
  })
})
