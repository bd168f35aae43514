import { describe, expect, it } from 'vitest'
import { stateOf, turn } from '../test/held.ts'
import { createCache } from './cache.ts'
import { ClosedError } from './errors.ts'
import type { LoaderContext } from './read/loader-context.ts'
import { fakeClock } from './testing/fake-clock.ts'

describe('close', () => {
  it('ends also the load that a waiter would begin because its first one named an invalidated tag', async () => {
    const clock = fakeClock()
    const cache = createCache({ clock })
    const loads: ((value: string) => void)[] = []
    const load = (context: LoaderContext) =>
      new Promise<string>((resolve) => loads.push(resolve)).then((value) => {
        context.setTags(['t'])
        return value
      })
    const before = cache.wrap('k', load)
    await cache.invalidateTags(['t'])
    const after = cache.wrap('k', load)
    const outcome = expect(after).rejects.toBeInstanceOf(ClosedError)
    const closed = cache.close()
    loads[0]?.('old')
    expect(await before).toBe('old')
    await turn()
    await clock.advance('2s')
    await closed
    expect(await stateOf(after)).toBe('rejected')
    await outcome
    expect(loads).toHaveLength(1)
    expect(clock.pendingTimers).toBe(0)
  })
})
