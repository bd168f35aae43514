import { expect, test } from 'vitest'
import { px } from './time-to-live.ts'

test.each([
  [1, '1'],
  [0.2, '1'],
  [1_500.01, '1501'],
  [604_800_000, '604800000'],
  [268_435_455_000, '268435455000'],
  [9e14, '268435455000'],
  [0, '0'],
  [-5, '0'],
  [1e15, ''],
  [Number.POSITIVE_INFINITY, ''],
  [Number.MAX_VALUE, ''],
])('%s ms is PX %s', (ttlMs, written) => {
  expect(px(ttlMs)).toBe(written)
})
