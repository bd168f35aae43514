import { describe, expect, it } from 'vitest'
import { cacheStatus } from './cache-status.ts'

describe('Cache-Status', () => {
  it('says what was done, in the order of the RFC', () => {
    expect(cacheStatus('holdfast', { hit: true, ttlMs: 30_900 })).toBe('holdfast; hit; ttl=30')
    expect(
      cacheStatus('holdfast', { fwd: 'uri-miss', fwdStatus: 200, stored: true, collapsed: true }),
    ).toBe('holdfast; fwd=uri-miss; fwd-status=200; stored; collapsed')
    expect(cacheStatus('a', { hit: true, ttlMs: -1_500, detail: 'stale-if-error' })).toBe(
      'a; hit; ttl=-2; detail=stale-if-error',
    )
  })

  it('is well-formed whatever its parts', () => {
    expect(cacheStatus('my "cache"\r\n', { detail: 'a\\b', ttlMs: Number.POSITIVE_INFINITY })).toBe(
      '"my \\"cache\\""; detail="a\\\\b"',
    )
  })
})
