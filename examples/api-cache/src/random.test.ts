import { describe, expect, test } from 'vitest'
import { latency, seeded, shuffled, waitingTime, zipf } from './random.ts'

const draw = (times: number, next: () => number) => Array.from({ length: times }, next)
const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length

describe('seeded', () => {
  test('is the same in every run with the same seed, and another one with another', () => {
    expect(draw(5, seeded(7))).toEqual(draw(5, seeded(7)))
    expect(draw(5, seeded(7)).every((value, index) => value !== draw(5, seeded(8))[index])).toBe(
      true,
    )
  })

  test('is spread evenly over 0 to 1, also with seed 0', () => {
    for (const seed of [0, 1, 42]) {
      const values = draw(20_000, seeded(seed))
      expect(values.every((value) => value >= 0 && value < 1)).toBe(true)
      expect(Math.abs(mean(values) - 0.5), `seed ${seed}: mean ${mean(values)}`).toBeLessThan(0.01)
    }
  })
})

test('waitingTime has the mean it was asked for', () => {
  const random = seeded(1)
  const average = mean(draw(20_000, () => waitingTime(random, 40)))
  expect(Math.abs(average - 40), `${average}`).toBeLessThan(1)
})

test('latency has the median it was asked for', () => {
  const random = seeded(1)
  const times = draw(20_000, () => latency(random, 60, 0.6)).sort((a, b) => a - b)
  expect(Math.abs((times[10_000] ?? 0) - 60), `${times[10_000]}`).toBeLessThan(2)
})

test('zipf draws the first item twice as often as the second, at exponent 1', () => {
  const next = zipf(seeded(1), ['a', 'b', 'c', 'd'], 1)
  const drawn = Array.from({ length: 20_000 }, next)
  const times = (item: string) => drawn.filter((it) => it === item).length
  expect(Math.abs(times('a') / times('b') - 2)).toBeLessThan(0.1)
  expect(Math.abs(times('a') / times('d') - 4)).toBeLessThan(0.3)
})

test('shuffled keeps every item and leaves its argument alone', () => {
  const items = [1, 2, 3, 4, 5, 6]
  const result = shuffled(seeded(3), items)
  expect(items).toEqual([1, 2, 3, 4, 5, 6])
  expect(result.length).toBe(6)
  expect(new Set(result)).toEqual(new Set(items))
})
