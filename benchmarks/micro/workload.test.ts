import { expect, test } from 'vitest'
import { keyOf, zipfDraws } from './workload.ts'

const keys = Array.from({ length: 1_000 }, (_, id) => keyOf(id))

test('two draws from one seed are the same', () => {
  expect(zipfDraws(keys, 500)).toEqual(zipfDraws(keys, 500))
})

test('the key of the first rank comes twice as often as that of the second, and one in eight times of all', () => {
  const counts = new Map<string, number>()
  for (const key of zipfDraws(keys, 200_000)) counts.set(key, (counts.get(key) ?? 0) + 1)
  const [first, second] = [...counts.values()].sort((a, b) => b - a)
  expect(first! / second!).toBeCloseTo(2 ** 0.99, 0)
  expect(first! / 200_000).toBeCloseTo(1 / 7.77, 1)
})
