import { expect, test } from 'vitest'
import { alreadyOver, expiryOf } from './memcached-expiry.ts'

const now = Date.UTC(2026, 10, 20)
const day = 86_400_000

test.each([
  ['nothing to speak of', 0.2, 1],
  ['a millisecond', 1, 1],
  ['a second', 1_000, 1],
  ['a second and a bit', 1_000.1, 2],
  ['30 days', 30 * day, 2_592_000],
  ['a millisecond less', 30 * day - 1, 2_592_000],
])('%s is whole seconds from now, rounded up and never 0', (_, ttlMs, seconds) => {
  expect(expiryOf(ttlMs, now)).toBe(seconds)
})

test.each([
  ['a millisecond over 30 days', 30 * day + 1, now / 1_000 + 2_592_001],
  ['31 days', 31 * day, now / 1_000 + 31 * 86_400],
  ['a year', 365 * day, now / 1_000 + 365 * 86_400],
])('%s is a Unix time', (_, ttlMs, at) => {
  expect(expiryOf(ttlMs, now)).toBe(at)
})

test.each([Number.POSITIVE_INFINITY, Number.MAX_VALUE, 9e15, 50 * 365 * day])(
  '%s ms, for ever or beyond 2038, is without end',
  (ttlMs) => {
    expect(expiryOf(ttlMs, now)).toBe(0)
  },
)

test('the last second that fits 32 bits with a sign is still an end', () => {
  const until = 0x7fff_ffff * 1_000 - now
  expect(expiryOf(until, now)).toBe(0x7fff_ffff)
  expect(expiryOf(until + 1, now)).toBe(0)
})

test('what is already over is a Unix time of 1970 and no span', () => {
  expect(alreadyOver).toBeGreaterThan(2_592_000)
  expect(alreadyOver).toBeLessThan(31 * 86_400)
})
