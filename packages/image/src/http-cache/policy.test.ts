import { describe, expect, it } from 'vitest'
import { fieldsOf } from './fields.ts'
import { decide } from './policy.ts'
import { defaultPolicy, type PolicyOptions } from './policy-options.ts'

const now = Date.UTC(2026, 10, 20, 12)

/** What may be done `afterMs` with a response of these fields, for a request with these. */
function judge(
  fields: Record<string, string>,
  afterMs: number,
  request: Record<string, string> = {},
  options: Partial<PolicyOptions> = {},
) {
  const kept = {
    status: 200,
    fields: fieldsOf(Object.entries(fields)),
    requestedAt: now,
    receivedAt: now,
  }
  const asked = fieldsOf(Object.entries(request))
  return decide(kept, asked, now + afterMs, { ...defaultPolicy, ...options })
}
const control = (value: string) => ({ 'cache-control': value })
const tagged = (value: string) => ({ 'cache-control': value, etag: '"a"' })

describe('a kept response', () => {
  it('is fresh up to, but not at, the end of its lifetime', () => {
    expect(judge(control('max-age=10'), 9_999)).toMatchObject({ action: 'fresh', ttlMs: 1 })
    expect(judge(control('max-age=10'), 10_000)).toMatchObject({ action: 'miss', detail: 'stale' })
  })

  it('is asked about where it has a validator, and fetched anew where it has none', () => {
    expect(judge(tagged('max-age=1'), 2_000).action).toBe('revalidate')
    expect(judge({ ...control('max-age=1'), 'last-modified': 'x' }, 2_000).action).toBe(
      'revalidate',
    )
    expect(judge(control('max-age=1'), 2_000).action).toBe('miss')
  })

  it('with no-cache is asked about each time, though it is fresh', () => {
    expect(judge(tagged('max-age=10, no-cache'), 0)).toMatchObject({
      action: 'revalidate',
      mayServeOnError: false,
      mayServeDisconnected: false,
    })
  })

  it('with no-cache for some fields is fresh', () => {
    expect(judge(tagged('max-age=10, no-cache="a"'), 0).action).toBe('fresh')
  })

  it('is served stale and refreshed behind within stale-while-revalidate, the longer window', () => {
    const fields = tagged('max-age=1, stale-while-revalidate=5')
    expect(judge(fields, 5_999)).toMatchObject({ action: 'stale', refresh: true })
    expect(judge(fields, 6_000).action).toBe('revalidate')
    expect(judge(fields, 8_000, {}, { staleWhileRevalidateMs: 10_000 }).action).toBe('stale')
  })

  it('stands in for an error within stale-if-error, of the origin, the request or the deployment', () => {
    const given = tagged('max-age=1, stale-if-error=5')
    expect(judge(given, 5_000).mayServeOnError).toBe(true)
    expect(judge(given, 6_000).mayServeOnError).toBe(false)
    expect(judge(tagged('max-age=1'), 2_000).mayServeOnError).toBe(false)
    expect(judge(tagged('max-age=1'), 2_000, control('stale-if-error=5')).mayServeOnError).toBe(
      true,
    )
    expect(judge(tagged('max-age=1'), 2_000, {}, { staleIfErrorMs: 5_000 }).mayServeOnError).toBe(
      true,
    )
  })

  it('stands in while no answer comes for a day', () => {
    expect(judge(tagged('max-age=1'), 86_400_000).mayServeDisconnected).toBe(true)
    expect(judge(tagged('max-age=1'), 86_401_000).mayServeDisconnected).toBe(false)
  })

  it('is never stale where its origin forbids it, whatever the deployment or the request allows', () => {
    const lax = {
      staleWhileRevalidateMs: 1e9,
      staleIfErrorMs: 1e9,
      staleIfDisconnectedMs: 1e9,
    }
    for (const strict of ['must-revalidate', 'proxy-revalidate', 's-maxage=1', 'no-cache']) {
      const fields = tagged(`max-age=1, stale-while-revalidate=99, stale-if-error=99, ${strict}`)
      expect(judge(fields, 2_000, control('max-stale'), lax), strict).toMatchObject({
        action: 'revalidate',
        mayServeOnError: false,
        mayServeDisconnected: false,
      })
    }
  })

  it('that is too old or not fresh enough for a request is asked about', () => {
    const fields = tagged('max-age=100')
    expect(judge(fields, 5_001, control('max-age=5')).detail).toBe('request-max-age')
    expect(judge(fields, 5_000, control('max-age=5')).action).toBe('fresh')
    expect(judge(fields, 0, control('max-age=0')).action).toBe('revalidate')
    expect(judge(fields, 0, control('max-age=nonsense')).action).toBe('revalidate')
    expect(judge(fields, 0, control('min-fresh=101')).detail).toBe('request-min-fresh')
    expect(judge(fields, 0, control('min-fresh=100')).action).toBe('fresh')
    expect(judge(fields, 0, control('no-cache'), { staleIfErrorMs: 1e9 })).toMatchObject({
      detail: 'request-no-cache',
      mayServeOnError: false,
      mayServeDisconnected: false,
    })
  })

  it('may be served stale to a request that says how stale', () => {
    expect(judge(tagged('max-age=1'), 3_000, control('max-stale=5'))).toMatchObject({
      action: 'stale',
      refresh: false,
    })
    expect(judge(tagged('max-age=1'), 7_000, control('max-stale=5')).action).toBe('revalidate')
    expect(judge(tagged('max-age=1'), 7_000, control('max-stale')).action).toBe('stale')
  })

  it('is asked about for Pragma: no-cache, unless Cache-Control says something', () => {
    const fields = tagged('max-age=100')
    expect(judge(fields, 0, { pragma: 'no-cache' }).action).toBe('revalidate')
    expect(judge(fields, 0, { pragma: 'no-cache', 'cache-control': 'x' }).action).toBe('fresh')
    expect(judge(fields, 0, { pragma: 'no-cachet' }).action).toBe('fresh')
  })
})
