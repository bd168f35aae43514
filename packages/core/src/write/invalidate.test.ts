import { describe, expect, it } from 'vitest'
import { createCache } from '../cache.ts'

function busyFor(ms: number): void {
  const end = performance.now() + ms
  while (performance.now() < end);
}

describe('expire and expireTags', () => {
  it.each(['expire', 'expireTags'] as const)(
    '%s is seen by the next call, also while hits share one reading of the clock',
    async (verb) => {
      const cache = createCache({ defaults: { staleIfError: '1h', jitter: 0 } })
      await cache.set('k', 'old', { tags: ['k'] })
      // Hits that follow each other closely use one reading up to 32 times.
      for (let hit = 0; hit < 8; hit++) await cache.wrap('k', () => 'never')
      busyFor(3)
      await cache[verb](['k'])
      expect(await cache.wrap('k', () => 'new')).toBe('new')
      await cache.close()
    },
  )
})
