import { canary } from '@holdfast/lab/canary'
import { describe, expect, it } from 'vitest'
import { fieldsOf } from './fields.ts'
import { defaultPolicy, type PolicyOptions } from './policy-options.ts'
import { retentionMs, whyNotStorable } from './storable.ts'

const now = Date.UTC(2026, 10, 20, 12)

function response(fields: Record<string, string>, status = 200) {
  return { status, fields: fieldsOf(Object.entries(fields)), requestedAt: now, receivedAt: now }
}
function why(
  fields: Record<string, string>,
  {
    status = 200,
    method = 'GET',
    request = {},
    options = {},
  }: {
    status?: number
    method?: string
    request?: Record<string, string>
    options?: Partial<PolicyOptions>
  } = {},
) {
  return whyNotStorable(
    { method, fields: fieldsOf(Object.entries(request)) },
    response(fields, status),
    { ...defaultPolicy, ...options },
  )
}
const hour = { 'cache-control': 'max-age=3600' }

describe('a response', () => {
  it('with a lifetime is kept, whatever its final status', () => {
    for (const status of [200, 203, 204, 299, 301, 302, 307, 400, 404, 500, 503, 599]) {
      expect(why(hour, { status }), String(status)).toBeUndefined()
    }
  })

  it('that is not final, a part, or about something else is not kept', () => {
    for (const status of [103, 206, 304]) expect(why(hour, { status })).toBe('status')
  })

  it('to anything but a GET is not kept', () => {
    expect(why(hour, { method: 'POST' })).toBe('method')
    expect(why(hour, { method: 'HEAD' })).toBe('method')
  })

  it('that its origin, or the request, does not want kept is not kept', () => {
    expect(why({ 'cache-control': 'max-age=9, No-Store' })).toBe('no-store')
    expect(why({ 'cache-control': 'max-age=9, private' })).toBe('private')
    expect(why(hour, { request: { 'cache-control': 'no-store' } })).toBe('request-no-store')
    expect(why({ 'cache-control': 'max-age=9, private="set-cookie"' })).toBeUndefined()
  })

  it('is not kept for a floor of lifetimes', () => {
    const options = { minMs: 60_000 }
    expect(why({ 'cache-control': 'no-store' }, { options })).toBe('no-store')
    expect(why({ 'cache-control': 'private' }, { options })).toBe('private')
  })

  it('with must-understand is kept in spite of no-store where its status is understood, else not', () => {
    const fields = { 'cache-control': 'max-age=9, no-store, must-understand' }
    expect(why(fields)).toBeUndefined()
    expect(why(fields, { status: 599 })).toBe('status')
  })

  it('to a request with credentials is kept only where that is allowed', () => {
    const request = { authorization: `Bearer ${canary}` }
    expect(why(hour, { request })).toBe('authorization')
    for (const allowing of ['public', 'must-revalidate', 's-maxage=9']) {
      const fields = { 'cache-control': `max-age=9, ${allowing}` }
      expect(why(fields, { request }), allowing).toBeUndefined()
    }
  })

  it('that varies by everything, or by more than is plausible, is not kept', () => {
    for (const vary of ['*', 'a, *', ', *', Array.from({ length: 17 }, (_, n) => `f${n}`).join()]) {
      expect(why({ ...hour, vary }), vary).toBe('vary')
    }
    expect(why({ ...hour, vary: 'cookie, accept' })).toBeUndefined()
  })

  it('without a lifetime is kept only where it can be asked about', () => {
    expect(why({})).toBe('no-freshness')
    expect(why({ etag: '"a"' })).toBeUndefined()
    expect(why({ etag: '"a"', 'cache-control': 'no-cache' })).toBeUndefined()
    expect(why({ etag: '"a"' }, { status: 201 })).toBe('no-freshness')
    expect(why({ expires: '0' })).toBe('no-freshness')
    expect(why({}, { status: 404, options: { negativeMs: 1 } })).toBeUndefined()
  })
})

describe('how long a response is kept', () => {
  const keep = (fields: Record<string, string>, ageMs = 0, options: Partial<PolicyOptions> = {}) =>
    retentionMs(response(fields), ageMs, {
      ...defaultPolicy,
      staleIfDisconnectedMs: 0,
      keepStaleMs: 1_000_000,
      ...options,
    })

  it('is what is left of its freshness, and its stale windows', () => {
    expect(keep({ 'cache-control': 'max-age=100' }, 40_000)).toBe(60_000)
    expect(keep({ 'cache-control': 'max-age=100, stale-if-error=7' }, 200_000)).toBe(7_000)
    expect(keep({ 'cache-control': 'max-age=1' }, 0, { staleWhileRevalidateMs: 9_000 })).toBe(
      10_000,
    )
  })

  it('is longer where it can be asked about', () => {
    expect(keep({ 'cache-control': 'max-age=100', etag: '"a"' })).toBe(1_100_000)
  })
})
