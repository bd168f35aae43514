import { expect, test } from 'vitest'
import { fakeClock } from '../testing/fake-clock.ts'
import { TouchPace } from './touch-pace.ts'

const minute = 60_000

test('a use is due where it moves the end by a minute, or a twentieth of a shorter life', async () => {
  const clock = fakeClock()
  const pace = new TouchPace(clock)
  expect(pace.isDue('a', 30 * minute)).toBe(true)
  pace.note('a', 30 * minute)
  pace.note('b', 10 * minute)
  await clock.advance(30_000 - 1)
  expect([pace.isDue('a', 30 * minute), pace.isDue('b', 10 * minute)]).toEqual([false, false])
  await clock.advance(1)
  expect([pace.isDue('a', 30 * minute), pace.isDue('b', 10 * minute)]).toEqual([false, true])
  await clock.advance(30_000)
  expect(pace.isDue('a', 30 * minute)).toBe(true)
})

test('a life that gets shorter is told, too, and one that only runs out is not', async () => {
  const clock = fakeClock()
  const pace = new TouchPace(clock)
  pace.note('a', 30 * minute)
  expect(pace.isDue('a', 10 * minute)).toBe(true)
  await clock.advance('5m')
  expect(pace.isDue('a', 25 * minute)).toBe(false)
})

test('sessions that nobody uses any more are forgotten, and there is a most that are remembered', async () => {
  const clock = fakeClock()
  const pace = new TouchPace(clock)
  for (let index = 0; index < 150_000; index++) pace.note(`session ${index}`, 30 * minute)
  expect(pace.size).toBe(100_000)
  await clock.advance('61s')
  pace.note('later', 30 * minute)
  expect(pace.size).toBe(1)
})
