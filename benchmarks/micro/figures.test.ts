import { expect, test } from 'vitest'
import { median, ratiosWithin } from './figures.ts'

test('the median of an even number of values lies between the two in the middle', () => {
  expect(median([9, 1, 3, 5])).toBe(4)
})

test('ratios are formed inside a round, so a slow round does not count against one side', () => {
  expect(ratiosWithin([110, 330, 120], [100, 300, 100])).toEqual({
    median: 1.1,
    min: 1.1,
    max: 1.2,
  })
})

test('a round that lacks one side is refused', () => {
  expect(() => ratiosWithin([1, 2], [1])).toThrow('every round needs both sides')
})
