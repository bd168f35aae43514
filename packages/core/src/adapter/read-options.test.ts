import { expect, test } from 'vitest'
import { canarySecret } from '../../../../lab/src/canary.ts'
import { InvalidOptionError } from '../errors.ts'
import { readDuration, readSpan, readWhole } from './read-options.ts'

test.each([
  [250, 250],
  ['250ms', 250],
  ['1.5s', 1_500],
  [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY],
])('%j is a span of %d ms', (given, ms) => {
  expect(readSpan(given, 'retryAfter')).toBe(ms)
  expect(readDuration(given, 'retryAfter')).toBe(ms)
})

test('no time at all is a duration, and no span', () => {
  expect(readDuration(0, 'ttl')).toBe(0)
  expect(() => readSpan('0s', 'ttl')).toThrow(/^ttl must be milliseconds above 0 as a number/)
})

test.each([-1, Number.NaN, '5', '5 s', null, undefined, {}, canarySecret('in the wrong place')])(
  'what is no duration is refused, and not shown',
  (given) => {
    for (const read of [readDuration, readSpan]) {
      const refusal = (() => {
        try {
          return read(given, 'timeout')
        } catch (error) {
          return error
        }
      })()
      expect(refusal).toBeInstanceOf(InvalidOptionError)
      expect(`${refusal}`).toContain('timeout must be milliseconds')
      expect(`${refusal}`).not.toContain(canarySecret('in the wrong place'))
    }
  },
)

test('a whole number is one within its bounds', () => {
  const read = readWhole(1, 10)
  expect([read(1, 'n'), read(10, 'n')]).toEqual([1, 10])
  for (const wrong of [0, 11, 1.5, '3', Number.NaN])
    expect(() => read(wrong, 'n')).toThrow('n must be a whole number from 1 to 10')
})
