import { describe, expect, it } from 'vitest'
import { held, stateOf, turn } from '../../test/held.ts'
import { createCache } from '../cache.ts'
import { fakeClock } from '../testing/fake-clock.ts'

const stale = {
  ttl: 100,
  staleIfError: '1h',
  jitter: 0,
  earlyRefresh: false,
  softTimeout: 300,
} as const

function staleCache() {
  const clock = fakeClock()
  const cache = createCache({ clock, defaults: stale })
  return { clock, cache }
}

describe('softTimeout', () => {
  it('serves the stale value once the load has taken that long, and keeps what the load brings later', async () => {
    const { clock, cache } = staleCache()
    await cache.set('k', 'old')
    await clock.advance(100)
    const { load, runs } = held<string>()
    const answer = cache.wrap('k', load)
    await clock.advance(299)
    expect(await stateOf(answer)).toBe('pending')
    await clock.advance(1)
    expect(await answer).toBe('old')
    runs[0]?.resolve('new')
    await turn()
    expect(cache.peek('k')).toBe('new')
  })

  it('is measured from the start of the load, so who joins late waits only for the rest', async () => {
    const { clock, cache } = staleCache()
    await cache.set('k', 'old')
    await clock.advance(100)
    const { load } = held<string>()
    void cache.wrap('k', load)
    await clock.advance(200)
    const joined = cache.wrap('k', load)
    await clock.advance(99)
    expect(await stateOf(joined)).toBe('pending')
    await clock.advance(1)
    expect(await joined).toBe('old')
    const late = cache.wrap('k', load)
    expect(await late).toBe('old')
  })

  it('makes the load one behind its caller, which the signal of the answered caller does not end', async () => {
    const { clock, cache } = staleCache()
    await cache.set('k', 'old')
    await clock.advance(100)
    const { load, runs } = held<string>()
    const request = new AbortController()
    const answer = cache.wrap('k', load, { signal: request.signal })
    await clock.advance(300)
    expect(await answer).toBe('old')
    request.abort()
    runs[0]?.resolve('new')
    await turn()
    expect(cache.peek('k')).toBe('new')
  })

  it('tells of a load that fails after its caller has been answered', async () => {
    const { clock, cache } = staleCache()
    const errors: unknown[] = []
    cache.on('error', ({ kind, error }) => errors.push([kind, error]))
    await cache.set('k', 'old')
    await clock.advance(100)
    const { load, runs } = held<string>()
    const answers = [cache.wrap('k', load), cache.wrap('k', load)]
    await clock.advance(300)
    expect(await Promise.all(answers)).toEqual(['old', 'old'])
    const broken = new Error('broken')
    runs[0]?.reject(broken)
    await turn()
    expect(errors).toEqual([['refresh', broken]])
  })

  it('ends the wait of a loader, so that the load it gave up on may ask for it in turn', async () => {
    const { clock, cache } = staleCache()
    await cache.set('b', 'old b')
    await clock.advance(100)
    const a = held<string>()
    const b = held<string>()
    const first = cache.wrap('a', async () => {
      await cache.wrap('b', async () => {
        await b.load()
        return `b of ${await cache.wrap('a', () => 'never')}`
      })
      return a.load()
    })
    await clock.advance(300)
    b.runs[0]?.resolve('go')
    await turn()
    a.runs[0]?.resolve('a')
    expect(await first).toBe('a')
    await turn()
    expect(cache.peek('b')).toBe('b of a')
  })
})
