import { expect, it } from 'vitest'
import type { Store } from '../../src/index.ts'
import type { FakeClock } from '../../src/testing/fake-clock.ts'
import { held } from '../held.ts'
import { Processes, watched } from './processes.ts'

/** Claims and writes one after the other, so many in a millisecond, as a server that is well works them off. */
function inLine(clock: FakeClock, perMs: number) {
  let line: Promise<unknown> = Promise.resolve()
  let served = 0
  const queue = <A extends readonly unknown[], R>(run: (...args: A) => Promise<R>) => {
    return (...args: A) => {
      if (++served % perMs === 0)
        line = line.then(() => new Promise<void>((resolve) => clock.setTimeout(resolve, 1)))
      return line.then(() => run(...args))
    }
  }
  return (store: Store): Store => ({
    ...store,
    add: queue(store.add!),
    replace: queue(store.replace!),
  })
}

it('loads of their own that end at once are all stored, and open no breaker', async () => {
  const world = new Processes()
  const one = world.start({ memory: false, storeOf: inLine(world.clock, 8) })
  const two = world.start({ memory: false })
  const opened: string[] = []
  one.cache.on('breaker', ({ state }) => opened.push(state))
  // The versions of the namespace are there by then.
  const first = watched(one.cache.wrap('first', () => 0))
  await world.clock.advance(10)
  expect(first.settled).toBe(true)
  const keys = Array.from({ length: 1_400 }, (_none, index) => `key ${index}`)
  const { load, runs } = held<string>()
  const answers = keys.map((key) => watched(one.cache.wrap(key, load)))
  await world.clock.advance(1_500)
  expect(runs).toHaveLength(1_400)
  for (const run of runs) run.resolve('value')
  // Nobody waits for the store longer than for one operation.
  await world.clock.advance(200)
  expect(answers.every(({ value }) => value === 'value')).toBe(true)
  await world.clock.advance(1_000)
  expect(opened).toEqual([])
  expect((await two.cache.getMany(keys)).size).toBe(1_400)
  expect(one.far.tier.claims.size).toBe(0)
  await world.close()
})
