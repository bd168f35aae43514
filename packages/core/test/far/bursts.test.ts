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

/** 3,000 cold keys, each asked for by a call of its own, of a store that answers eight claims in a millisecond. */
async function coldStart() {
  const world = new Processes()
  const { cache, far, store } = world.start({ memory: false, storeOf: inLine(world.clock, 8) })
  const opened: string[] = []
  const failed: unknown[] = []
  cache.on('breaker', ({ state }) => opened.push(state))
  cache.on('error', ({ error }) => failed.push(error))
  // The versions of the namespace are there by then.
  const first = watched(cache.wrap('first', () => 0))
  await world.clock.advance(10)
  expect(first.settled).toBe(true)
  const keys = Array.from({ length: 3_000 }, (_none, index) => `key ${index}`)
  let loads = 0
  const answers = keys.map((key) => watched(cache.wrap(key, () => ++loads && key)))
  const allAnswered = () => answers.every(({ value }, index) => value === keys[index])
  return { world, cache, far, store, keys, opened, failed, allAnswered, loads: () => loads }
}

it('thousands of cold keys asked for at once are all claimed, loaded once and stored, and open no breaker', async () => {
  const { world, cache, far, keys, opened, failed, allAnswered, loads } = await coldStart()
  await world.clock.advance(2_000)
  expect(allAnswered()).toBe(true)
  expect(loads()).toBe(3_000)
  expect(opened).toEqual([])
  expect(failed).toEqual([])
  expect((await cache.getMany(keys)).size).toBe(3_000)
  expect(far.tier.claims.size).toBe(0)
  await world.close()
})

it('a store that hangs amid thousands of claims is waited for once, also by those whose turn has not come', async () => {
  const { world, store, opened, allAnswered, loads } = await coldStart()
  await world.clock.advance(50)
  expect(loads()).toBeLessThan(3_000)
  store.play([{ kind: 'hang' }])
  await world.clock.advance(210)
  expect(opened[0]).toBe('open')
  expect(allAnswered()).toBe(true)
  expect(loads()).toBe(3_000)
  await world.close()
})

it('a store that is slow, and yet in time, is not waited for without end by those whose turn does not come', async () => {
  const world = new Processes()
  const { cache, store } = world.start({ memory: false })
  const first = watched(cache.wrap('first', () => 0))
  await world.clock.advance(10)
  expect(first.settled).toBe(true)
  store.play([{ kind: 'delay', ms: 80 }])
  const answers = Array.from({ length: 6_000 }, (_none, index) =>
    watched(cache.wrap(`key ${index}`, () => index)),
  )
  // One read, a second of turns, and the last claim and write that began in it.
  await world.clock.advance(1_400)
  expect(answers.every(({ value }, index) => value === index)).toBe(true)
  await world.close()
})

it('claims whose reads left them little time are not sent into a queue that takes longer', async () => {
  const { world, cache, store, opened, failed, allAnswered } = await coldStart()
  await world.rest()
  store.play([{ kind: 'delay', ms: 190, on: ['get', 'getMany'] }])
  const late = Array.from({ length: 1_000 }, (_none, index) =>
    watched(cache.wrap(`late ${index}`, () => index)),
  )
  await world.clock.advance(2_000)
  expect(allAnswered()).toBe(true)
  expect(late.every(({ value }, index) => value === index)).toBe(true)
  expect(opened).toEqual([])
  expect(failed).toEqual([])
  await world.close()
})
