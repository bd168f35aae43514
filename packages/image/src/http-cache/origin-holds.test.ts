import { describe, expect, it } from 'vitest'
import { OriginHolds } from './origin-holds.ts'

describe('an origin that failed', () => {
  it('is left alone for 3 s, then twice as long each time, 30 s at most, until it answers', () => {
    const holds = new OriginHolds()
    let now = 0
    for (const spanMs of [3_000, 6_000, 12_000, 24_000, 30_000, 30_000]) {
      holds.failed('a', 'error', now, undefined)
      expect(holds.active('a', now + spanMs - 1)).toBe('error')
      expect(holds.active('a', now + spanMs)).toBeUndefined()
      now += spanMs
    }
    holds.answered('a')
    holds.failed('a', 'disconnected', now, undefined)
    expect(holds.active('a', now + 2_999)).toBe('disconnected')
    expect(holds.active('a', now + 3_000)).toBeUndefined()
  })

  it('is left alone for as long as it asks', () => {
    const holds = new OriginHolds()
    holds.failed('a', 'error', 0, 60_000)
    expect(holds.active('a', 59_999)).toBe('error')
    expect(holds.active('b', 0)).toBeUndefined()
  })

  it('is forgotten rather than remembered without bound', () => {
    const holds = new OriginHolds()
    for (let url = 0; url <= 1_000; url++) holds.failed(String(url), 'error', 0, undefined)
    expect(holds.active('0', 0)).toBeUndefined()
    expect(holds.active('1', 0)).toBe('error')
  })
})
