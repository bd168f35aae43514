import { fakeClock } from '@holdfast/core/testing'
import { describe, expect, it } from 'vitest'
import { clientOf, TokenBuckets } from './token-buckets.ts'

describe('a token bucket', () => {
  it('lets a burst through, then as many as come in', async () => {
    const clock = fakeClock()
    const buckets = new TokenBuckets(clock, { perSecond: 2, burst: 3, clients: 10 })
    expect([1, 2, 3].map(() => buckets.take('a'))).toEqual([0, 0, 0])
    expect(buckets.take('a')).toBe(500)
    await clock.advance(500)
    expect(buckets.take('a')).toBe(0)
    expect(buckets.take('a')).toBeCloseTo(500)
    await clock.advance('1h')
    expect([1, 2, 3, 4].map(() => buckets.take('a') > 0)).toEqual([false, false, false, true])
  })

  it('is one for each client, and the list of clients is bounded', () => {
    const buckets = new TokenBuckets(fakeClock(), { perSecond: 1, burst: 1, clients: 100 })
    expect(buckets.take('a')).toBe(0)
    expect(buckets.take('b')).toBe(0)
    for (let client = 0; client < 10_000; client++) {
      buckets.take(`${client}`)
      expect(buckets.take('a')).toBeGreaterThan(0)
    }
    expect(buckets.clients).toBe(100)
    // Seen longest ago: forgotten, so it starts anew.
    expect(buckets.take('b')).toBe(0)
  })
})

describe('a client', () => {
  it.each([
    ['203.0.113.7', '203.0.113.7'],
    ['::ffff:203.0.113.7', '203.0.113.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:DB8:1:2::6', '2001:db8:1:2::/64'],
    ['2001:db8::6', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    [undefined, ''],
  ])('%s is counted as %s', (address, client) => {
    expect(clientOf(address)).toBe(client)
  })
})
