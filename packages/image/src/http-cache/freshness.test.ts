import { describe, expect, it } from 'vitest'
import { fieldsOf } from './fields.ts'
import { ageAtReceipt, currentAge, freshnessLifetime, type PolicyResponse } from './freshness.ts'
import { defaultPolicy, type PolicyOptions } from './policy-options.ts'

const now = Date.UTC(2026, 10, 20, 12)
const date = (offsetMs = 0) => new Date(now + offsetMs).toUTCString()
const hourMs = 3_600_000

function response(fields: Record<string, string>, status = 200): PolicyResponse {
  return { status, fields: fieldsOf(Object.entries(fields)), requestedAt: now, receivedAt: now }
}
function lifetime(
  fields: Record<string, string>,
  options: Partial<PolicyOptions> = {},
  status = 200,
) {
  return freshnessLifetime(response(fields, status), { ...defaultPolicy, ...options })
}

describe('the lifetime of a response', () => {
  it('comes from s-maxage, then max-age, then Expires, then a tenth of its age', () => {
    const fields: Record<string, string> = {
      'cache-control': 's-maxage=1, max-age=2',
      expires: date(3_000),
      date: date(),
      'last-modified': date(-40_000),
    }
    expect(lifetime(fields)).toEqual({ ms: 1_000, source: 's-maxage' })
    fields['cache-control'] = 'max-age=2'
    expect(lifetime(fields)).toEqual({ ms: 2_000, source: 'max-age' })
    delete fields['cache-control']
    expect(lifetime(fields)).toEqual({ ms: 3_000, source: 'expires' })
    delete fields.expires
    expect(lifetime(fields)).toEqual({ ms: 4_000, source: 'heuristic' })
    delete fields['last-modified']
    expect(lifetime(fields)).toEqual({ ms: 0, source: 'none' })
  })

  it('is 0 where max-age cannot be read, whatever Expires says', () => {
    expect(lifetime({ 'cache-control': 'max-age=x', expires: date(hourMs) }).ms).toBe(0)
  })

  it('counts Expires from Date, not from the clock here', () => {
    expect(lifetime({ expires: date(hourMs), date: date(hourMs - 5_000) }).ms).toBe(5_000)
    expect(lifetime({ expires: date(300), date: date(400) }).ms).toBe(0)
  })

  it('counts Expires from receipt where Date is missing or cannot be read', () => {
    expect(lifetime({ expires: date(5_000) }).ms).toBe(5_000)
    expect(lifetime({ expires: date(5_000), date: 'foo' }).ms).toBe(5_000)
  })

  it('is over where Expires cannot be read', () => {
    expect(lifetime({ expires: '0', 'last-modified': date(-hourMs) })).toEqual({
      ms: 0,
      source: 'expires',
    })
  })

  it('with a targeted field disregards Cache-Control and Expires', () => {
    const fields = {
      'cdn-cache-control': 'max-age=10',
      'cache-control': 'max-age=99',
      expires: date(hourMs),
    }
    expect(lifetime(fields).ms).toBe(10_000)
    expect(lifetime({ ...fields, 'cdn-cache-control': 'public' }).ms).toBe(0)
  })

  it('is guessed for a day at most, for statuses that allow it or with public, and not at all where that is off', () => {
    const old = { 'last-modified': date(-1_000 * hourMs), date: date() }
    expect(lifetime(old).ms).toBe(24 * hourMs)
    expect(lifetime(old, { heuristicShare: 0 }).ms).toBe(0)
    expect(lifetime(old, {}, 201).ms).toBe(0)
    expect(lifetime({ ...old, 'cache-control': 'public' }, {}, 599).ms).toBe(24 * hourMs)
  })

  it('of a 404 or 410 without one is that of negative answers', () => {
    expect(lifetime({}, { negativeMs: 60_000 }, 404)).toEqual({ ms: 60_000, source: 'negative' })
    expect(lifetime({ 'cache-control': 'max-age=1' }, { negativeMs: 60_000 }, 410).ms).toBe(1_000)
    expect(lifetime({}, { negativeMs: 60_000 }, 403).ms).toBe(0)
  })

  it('lies between the floor and the ceiling of the deployment', () => {
    const bounds = { minMs: 5_000, maxMs: 9_000 }
    expect(lifetime({ 'cache-control': 'max-age=1' }, bounds).ms).toBe(5_000)
    expect(lifetime({ 'cache-control': 'max-age=99' }, bounds).ms).toBe(9_000)
  })
})

describe('the age of a response', () => {
  const aged = (fields: Record<string, string>, delayMs = 0) => ({
    ...response(fields),
    requestedAt: now - delayMs,
  })

  it('is the larger of what Date shows and what Age says, the way here included', () => {
    expect(ageAtReceipt(aged({ date: date(-7_000), age: '3' }, 1_500))).toBe(7_000)
    expect(ageAtReceipt(aged({ date: date(), age: '30' }, 1_500))).toBe(31_500)
  })

  it('is not negative where the origin is ahead, nor a second where Date lost its fraction', () => {
    expect(ageAtReceipt(aged({ date: date(60_000) }))).toBe(0)
    expect(
      ageAtReceipt({ ...aged({ date: date() }), receivedAt: now + 999, requestedAt: now + 999 }),
    ).toBe(0)
  })

  it('takes the first of several numbers, and ignores what is none', () => {
    for (const [age, ms] of [
      ['7200, 0', 7_200_000],
      ['0, 7200', 0],
      ['abc', 0],
      ['-1', 0],
      ['1.5', 0],
      ['7200;a=1', 0],
      ['99999999999', 2_147_483_648_000],
    ] as const) {
      expect(ageAtReceipt(response({ age })), age).toBe(ms)
    }
  })

  it('grows with the time here, and not backwards', () => {
    const here = response({ age: '10' })
    expect(currentAge(here, now + 2_500)).toBe(12_500)
    expect(currentAge(here, now - 60_000)).toBe(10_000)
  })
})
