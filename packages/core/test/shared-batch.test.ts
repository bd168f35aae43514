import { describe, expect, it } from 'vitest'
import { createCache } from '../src/cache.ts'
import { LoadTimeoutError } from '../src/errors.ts'
import type { ResilienceOptions } from '../src/options/options.ts'
import { MemoryBacking } from '../src/store/memory-backing.ts'
import { memoryStore } from '../src/store/memory-store.ts'
import { fakeClock } from '../src/testing/fake-clock.ts'
import { held, stateOf, turn } from './held.ts'

/** Two caches over one store stand for two processes. */
async function twoProcesses(resilience: ResilienceOptions = {}) {
  const clock = fakeClock()
  const backing = new MemoryBacking({ clock })
  const open = () =>
    createCache({
      clock,
      store: memoryStore({ backing }),
      resilience,
      defaults: { jitter: 0, loadTimeout: 100, softTimeout: 50 },
    })
  const [here, there] = [open(), open()]
  // What a store needs is loaded on demand, which takes its time.
  await Promise.all([here.get('warm'), there.get('warm')])
  return { clock, here, there }
}

const rest = async () => {
  for (let turns = 0; turns < 20; turns++) await turn()
}

describe('a batch of which another process loads a part', () => {
  it('times out for that part too, though its own part came long before', async () => {
    const { clock, here, there } = await twoProcesses()
    const hung = held<string>()
    void there.wrap('b', hung.load, { loadTimeout: '1m' }).catch(() => {})
    await rest()
    const asked: string[][] = []
    const many = here.wrapMany(['a', 'b'], async (missing) => {
      asked.push(missing)
      return missing.map(() => 'here')
    })
    const outcome = expect(many).rejects.toBeInstanceOf(LoadTimeoutError)
    await rest()
    expect(asked).toEqual([['a']])
    await clock.advance(100)
    await rest()
    expect(await stateOf(many)).toBe('rejected')
    await outcome
    expect(here.stats().loading).toBe(0)
    expect(here.peek('a')).toBe('here')
    await Promise.all([here.close({ drain: 0 }), there.close({ drain: 0 }), clock.advance(10)])
    expect(clock.pendingTimers).toBe(0)
  })

  it('loads that part on the place it has, where the other process fails', async () => {
    const { clock, here, there } = await twoProcesses({ loadConcurrency: 1, loadQueue: 0 })
    const theirs = held<string>()
    const failing = there.wrap('b', theirs.load).catch(() => {})
    await rest()
    const mine = held<string[]>()
    const asked: string[][] = []
    const many = here.wrapMany(['a', 'b'], (missing) => {
      asked.push(missing)
      return mine.load()
    })
    await rest()
    theirs.runs[0]?.reject(new Error('broken'))
    await failing
    await rest()
    // Told by the bus, or found when it looks again: before any deadline.
    await clock.advance(20)
    await rest()
    expect(asked).toEqual([['a'], ['b']])
    mine.runs[0]?.resolve(['a'])
    mine.runs[1]?.resolve(['b'])
    expect([...(await many)]).toEqual([
      ['a', 'a'],
      ['b', 'b'],
    ])
    await Promise.all([here.close({ drain: 0 }), there.close({ drain: 0 }), clock.advance(10)])
  })
})
