import { expect, it } from 'vitest'
import { modula } from './modula.ts'

const members = (weights: readonly number[]) =>
  weights.map((weight, index) => ({ name: `s${index}`, ringName: `s${index}`, weight, index }))

it('lays out as many slots as the weights add up to, side by side', () => {
  const { place } = modula(members([1, 3, 2]))
  expect([0, 1, 2, 3, 4, 5, 6].map(place)).toEqual([0, 1, 1, 1, 2, 2, 0])
})

it('takes the hash as an unsigned number', () => {
  const { place, pointOf } = modula(members([1, 1, 1]))
  expect(pointOf(-1)).toBe(0xffffffff % 3)
  expect(place(-1)).toBe(0xffffffff % 3)
})

it('searches where the weights are too large to lay out, with the same result', () => {
  const { place } = modula(members([100_000, 2 ** 31 - 1, 1]))
  expect(place(99_999)).toBe(0)
  expect(place(100_000)).toBe(1)
  expect(place((2 ** 31 - 1 + 100_000 - 1) | 0)).toBe(1)
  expect(place((2 ** 31 - 1 + 100_000) | 0)).toBe(2)
  expect(place((2 ** 31 - 1 + 100_000 + 1) | 0)).toBe(0)
})
