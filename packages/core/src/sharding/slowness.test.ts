import { expect, test } from 'vitest'
import { Slowness } from './slowness.ts'

/** 100 operations a second for so many milliseconds, of which this share is late. True if it was ever taken for slow. */
function run(slowness: Slowness, fromMs: number, forMs: number, lateShare: number): boolean {
  let isSlow = false
  for (let ms = 0; ms < forMs; ms += 10) {
    if (slowness.note((ms / 10) % 10 < lateShare * 10, fromMs + ms)) isSlow = true
  }
  return isSlow
}

test('a burst of late operations is not slowness', () => {
  const slowness = new Slowness()
  for (let number = 0; number < 1_000; number++) expect(slowness.note(true, 5_000)).toBe(false)
  expect(run(slowness, 6_000, 10_000, 0.1)).toBe(false)
})

test('half of them late for two seconds on end is', () => {
  expect(run(new Slowness(), 0, 1_900, 0.6)).toBe(false)
  expect(run(new Slowness(), 0, 2_500, 0.6)).toBe(true)
  expect(run(new Slowness(), 0, 10_000, 0.4)).toBe(false)
})

test('a second that is better in between begins the count anew', () => {
  const slowness = new Slowness()
  for (let second = 0; second < 10; second += 2) {
    expect(run(slowness, second * 1_000, 1_000, 0.8)).toBe(false)
    expect(run(slowness, (second + 1) * 1_000, 1_000, 0.1)).toBe(false)
  }
})
