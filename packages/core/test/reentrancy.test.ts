import { describe, expect, it } from 'vitest'
import { createCache } from '../src/cache.ts'
import { ReentrantLoadError } from '../src/errors.ts'
import { fakeClock } from '../src/testing/fake-clock.ts'
import { held, turn } from './held.ts'

// No time passes on the fake clock: whatever rejects here was found out without waiting for any deadline.
const cacheOf = () => createCache({ clock: fakeClock() })

describe('loads that would wait for each other in a circle get ReentrantLoadError, at once,', () => {
  it('when a loader wraps its own key', async () => {
    const cache = cacheOf()
    const loop = (): Promise<string> => cache.wrap('a', loop)
    const before = performance.now()
    await expect(loop()).rejects.toBeInstanceOf(ReentrantLoadError)
    expect(performance.now() - before).toBeLessThan(50)
    expect(cache.stats().loading).toBe(0)
  })

  it('when A wraps B and B wraps A', async () => {
    const cache = cacheOf()
    const a = (): Promise<string> => cache.wrap('a', b)
    const b = (): Promise<string> => cache.wrap('b', a)
    await expect(a()).rejects.toBeInstanceOf(ReentrantLoadError)
    expect(cache.stats().loading).toBe(0)
  })

  it('when A waits for B while another call of B waits for A', async () => {
    const cache = cacheOf()
    const gates = held<void>()
    const a = cache.wrap('a', async () => {
      await gates.load()
      return cache.wrap('b', () => 'never')
    })
    const b = cache.wrap('b', async () => {
      await gates.load()
      return cache.wrap('a', () => 'never')
    })
    const outcomes = Promise.allSettled([a, b])
    await turn()
    for (const gate of gates.runs) gate.resolve()
    for (const outcome of await outcomes)
      expect(outcome).toMatchObject({ status: 'rejected', reason: expect.any(ReentrantLoadError) })
  })

  it('when the circle is closed over a batch, over a definition, over a namespace and over another cache', async () => {
    const [one, two] = [cacheOf(), cacheOf()]
    const inner = two.namespace('inner')
    const defined = inner.define('defined', { load: (): Promise<string> => start() })
    const start = (): Promise<string> =>
      one.wrap('a', async () => {
        const many = await two.wrapMany(['x', 'y'], async () => {
          const value = await defined()
          return [value, value]
        })
        return many.get('x') as string
      })
    await expect(start()).rejects.toBeInstanceOf(ReentrantLoadError)
    expect(one.stats().loading + two.stats().loading).toBe(0)
  })

  it('when a loader deletes its own key before it asks for it, and while the cache is off', async () => {
    const cache = cacheOf()
    const deleting = (): Promise<string> =>
      cache.wrap('a', async () => {
        await cache.delete('a')
        return deleting()
      })
    await expect(deleting()).rejects.toBeInstanceOf(ReentrantLoadError)
    cache.enabled = false
    const loop = (): Promise<string> => cache.wrap('b', loop)
    await expect(loop()).rejects.toBeInstanceOf(ReentrantLoadError)
  })

  it('and a loader that catches it can go on without that value', async () => {
    const cache = cacheOf()
    const value = await cache.wrap('a', async (): Promise<string> => {
      try {
        return await cache.wrap('a', () => 'never')
      } catch (error) {
        return error instanceof ReentrantLoadError ? 'without' : 'other'
      }
    })
    expect(value).toBe('without')
  })
})

describe('no circle is', () => {
  it('the same key in another namespace or cache', async () => {
    const [one, two] = [cacheOf(), cacheOf()]
    const value = await one.wrap('a', () =>
      one.namespace('n').wrap('a', () => two.wrap('a', () => 'value')),
    )
    expect(value).toBe('value')
  })

  it('two keys that both ask for a third', async () => {
    const cache = cacheOf()
    const { load, runs } = held<string>()
    const both = Promise.all(['a', 'b'].map((key) => cache.wrap(key, () => cache.wrap('c', load))))
    runs[0]?.resolve('c')
    expect(await both).toEqual(['c', 'c'])
    expect(runs).toHaveLength(1)
  })

  it('a call that a loader leaves behind and that comes when the load is long done', async () => {
    const cache = cacheOf()
    const later: (() => Promise<string>)[] = []
    await cache.wrap('a', async () => {
      const gate = held<void>()
      const going = gate.load().then(() => cache.wrap('a', () => 'again'))
      later.push(() => {
        gate.runs[0]?.resolve()
        return going
      })
      return 'first'
    })
    await cache.delete('a')
    expect(await later[0]?.()).toBe('again')
  })

  it('a wait that its own signal has ended', async () => {
    const cache = cacheOf()
    const leaving = new AbortController()
    const [gateOfA, gateOfB] = [held<string>(), held<void>()]
    const b = cache.wrap('b', async () => {
      await gateOfB.load()
      return `b of ${await cache.wrap('a', () => 'never')}`
    })
    const a = cache.wrap('a', async () => {
      await cache.wrap('b', () => 'never', { signal: leaving.signal }).catch(() => {})
      return gateOfA.load()
    })
    leaving.abort()
    await turn()
    gateOfB.runs[0]?.resolve()
    await turn()
    gateOfA.runs[0]?.resolve('a')
    expect(await a).toBe('a')
    expect(await b).toBe('b of a')
  })
})
