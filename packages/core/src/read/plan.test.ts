import { describe, expect, it } from 'vitest'
import { createCache } from '../cache.ts'
import { fakeClock } from '../testing/fake-clock.ts'

describe('refresh: true', () => {
  it('does not fall back to a value past its staleIfError, though staleWhileRevalidate is still open', async () => {
    const clock = fakeClock()
    const cache = createCache({
      clock,
      defaults: {
        ttl: 100,
        staleWhileRevalidate: 10_000,
        staleIfError: 50,
        jitter: 0,
        earlyRefresh: false,
      },
    })
    await cache.set('k', 'old')
    const failing = () => Promise.reject(new Error('broken'))
    await clock.advance(149)
    expect(await cache.wrap('k', failing, { refresh: true })).toBe('old')
    await clock.advance(1)
    await expect(cache.wrap('k', failing, { refresh: true })).rejects.toThrow('broken')
  })

  it('does not fall back to a value that is still fresh, nor to a kept error, where no staleIfError was asked for', async () => {
    const cache = createCache({ clock: fakeClock(), defaults: { errorTtl: '1h' } })
    const failing = () => Promise.reject(new Error('broken'))
    await cache.set('k', 'kept')
    await expect(cache.wrap('k', failing, { refresh: true })).rejects.toThrow('broken')
    expect(cache.peek('k')).toBe('kept')
    await expect(cache.wrap('e', failing)).rejects.toThrow('broken')
    await expect(cache.wrap('e', failing, { refresh: true })).rejects.toThrow('broken')
    expect(await cache.wrap('e', () => 'new', { refresh: true })).toBe('new')
  })
})
