import { expect, it } from 'vitest'
import { fakeClock } from '../testing/fake-clock.ts'
import { Budget, countedMs } from './budget.ts'

function taking(
  clock: ReturnType<typeof fakeClock>,
  ms: number,
): (left: number) => Promise<number> {
  return (left) => new Promise((resolve) => clock.setTimeout(() => resolve(left), ms))
}

it('hands each operation what those before it have left, whatever passed in between', async () => {
  const clock = fakeClock()
  const budget = new Budget(clock, 200)
  const first = budget.spend(taking(clock, 150))
  await clock.advance(150)
  expect(await first).toBe(200)
  await clock.advance(1_000)
  const second = budget.spend(taking(clock, 10))
  await clock.advance(10)
  expect(await second).toBe(50)
})

it('counts time in which a hundred operations run once', async () => {
  const clock = fakeClock()
  const budget = new Budget(clock, 200)
  const all = Promise.all(Array.from({ length: 100 }, () => budget.spend(taking(clock, 20))))
  await clock.advance(20)
  await all
  expect(await budget.spend(async (left) => left)).toBe(180)
})

it('hands an operation that begins beside another one what is left by then', async () => {
  const clock = fakeClock()
  const budget = new Budget(clock, 200)
  void budget.spend(taking(clock, 100))
  await clock.advance(30)
  expect(await budget.spend(async (left) => left)).toBe(170)
  await clock.advance(70)
  expect(await budget.spend(async (left) => left)).toBe(100)
})

it('does not count what a blocked event loop took: an answer in time that was read late', async () => {
  const clock = fakeClock()
  const budget = new Budget(clock, 200)
  const read = budget.spend(taking(clock, 2_000))
  await clock.advance(2_000)
  await read
  expect(await budget.spend(async (left) => left)).toBe(200)
})

it('counts an operation that failed', async () => {
  const clock = fakeClock()
  const budget = new Budget(clock, 200)
  const failing = budget.spend(async () => {
    await taking(clock, 200)(0)
    throw new Error('timed out')
  })
  failing.catch(() => {})
  await clock.advance(200)
  await expect(failing).rejects.toThrow('timed out')
  expect(await budget.spend(async (left) => left)).toBe(0)
})

it('counts what an answer took elsewhere in the same way', () => {
  expect(countedMs(30, 200)).toBe(30)
  expect(countedMs(249, 200)).toBe(249)
  expect(countedMs(2_000, 200)).toBe(0)
})
