import { canary } from '@holdfast/lab/canary'
import fc from 'fast-check'
import CachePolicy from 'http-cache-semantics'
import { describe, expect, it } from 'vitest'
import { fieldsOf } from '../../src/http-cache/fields.ts'
import { freshnessLifetime } from '../../src/http-cache/freshness.ts'
import { decide } from '../../src/http-cache/policy.ts'
import { defaultPolicy } from '../../src/http-cache/policy-options.ts'
import { whyNotStorable } from '../../src/http-cache/storable.ts'

/*
 * Somebody else's reading of RFC 9111, for everything in which both read it alike. They part in: dates that cannot be
 * read, directives that are doubled or misspelt, apparent age, must-revalidate (which http-cache-semantics takes for
 * no-cache), staleness under s-maxage or no-cache, guesses for statuses that do not allow them, cookies, and ages that
 * are exactly what a request allows.
 */

const receivedAt = Date.UTC(2026, 10, 20, 12)
let now = receivedAt
class Oracle extends CachePolicy {
  override now(): number {
    return now
  }
}

const seconds = fc.integer({ min: 0, max: 1_000 })
const optional = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined })
/** What keeps a case from most rules is rare, or all cases would be that one. */
const sometimes = <T>(arbitrary: fc.Arbitrary<T>) =>
  fc.oneof({ weight: 4, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary })
const flag = sometimes(fc.constant(true as const))

const responses = fc.record({
  status: fc.constantFrom(200, 203, 204, 300, 301, 404, 405, 410, 414, 501),
  directives: fc.record({
    'max-age': optional(seconds),
    's-maxage': sometimes(seconds),
    public: flag,
    private: flag,
    'no-store': flag,
    'no-cache': flag,
    'stale-while-revalidate': optional(seconds),
    extension: flag,
  }),
  expiresIn: optional(fc.integer({ min: -1_000, max: 1_000 })),
  modifiedAgo: optional(fc.integer({ min: 1, max: 800_000 })),
  age: sometimes(seconds),
})
const requests = fc.record({
  authorization: flag,
  'max-age': sometimes(seconds),
  'min-fresh': sometimes(seconds),
  'max-stale': sometimes(fc.oneof(seconds, fc.constant(true as const))),
  'no-cache': flag,
  'no-store': flag,
})

function listOf(directives: Record<string, number | true | undefined>): Record<string, string> {
  const list = Object.entries(directives).flatMap(([name, value]) => {
    if (value === undefined) return []
    return [value === true ? name : `${name}=${value}`]
  })
  return list.length === 0 ? {} : { 'cache-control': list.join(', ') }
}
const dateAfter = (ofSeconds: number) => new Date(receivedAt + ofSeconds * 1_000).toUTCString()

describe('http-cache-semantics agrees', () => {
  it('on what may be stored, how long it is fresh, and which request it satisfies, in 20,000 cases', () => {
    const seen = { stored: 0, refused: 0, fresh: 0, stale: 0 }
    fc.assert(
      fc.property(
        responses,
        requests,
        fc.integer({ min: 0, max: 500 }),
        (response, request, laterS) => {
          now = receivedAt
          const { authorization, ...asked } = request
          const control = response.directives
          const fields = {
            date: dateAfter(0),
            ...listOf(control),
            ...(response.expiresIn === undefined ? {} : { expires: dateAfter(response.expiresIn) }),
            ...(response.modifiedAgo === undefined
              ? {}
              : { 'last-modified': dateAfter(-response.modifiedAgo) }),
            ...(response.age === undefined ? {} : { age: String(response.age) }),
          }
          const headers = {
            ...listOf(asked),
            ...(authorization === undefined ? {} : { authorization: canary }),
          }
          const oracle = new Oracle(
            { url: '/', method: 'GET', headers },
            { status: response.status, headers: fields },
          )
          const view = {
            status: response.status,
            fields: fieldsOf(Object.entries(fields)),
            requestedAt: receivedAt,
            receivedAt,
          }
          const own = fieldsOf(Object.entries(headers))
          const why = whyNotStorable({ method: 'GET', fields: own }, view, defaultPolicy)
          // What could never be used is not kept here, though it may be.
          const isStorable = why === undefined || why === 'no-freshness'
          expect(isStorable).toBe(oracle.storable())
          if (!isStorable) {
            seen.refused++
            return
          }
          seen.stored++
          if (control['no-cache'] === undefined) {
            const { ms } = freshnessLifetime(view, defaultPolicy)
            expect(ms).toBeCloseTo(oracle.maxAge() * 1_000, 3)
          }
          const isStrict = control['s-maxage'] !== undefined || control['no-cache'] !== undefined
          const hasWindow =
            control['stale-while-revalidate'] !== undefined || asked['max-stale'] !== undefined
          if (isStrict && hasWindow) return
          // max-stale allows staleness to both; where it does, they differ in whether a refresh follows.
          if (asked['max-stale'] !== undefined && control['stale-while-revalidate'] !== undefined)
            return
          const ageS = (response.age ?? 0) + laterS
          if (asked['max-age'] === 0 || asked['max-age'] === ageS) return
          now = receivedAt + laterS * 1_000
          const decision = decide(view, own, now, defaultPolicy)
          const isServed = decision.action === 'fresh' || decision.action === 'stale'
          const result = oracle.evaluateRequest({ url: '/', method: 'GET', headers })
          expect(isServed).toBe(result.response !== undefined)
          expect(isServed && !decision.refresh).toBe(result.revalidation === undefined)
          if (isServed) seen.fresh++
          else seen.stale++
        },
      ),
      { numRuns: 20_000 },
    )
    // The cases that were left out have not eaten up those that matter.
    expect(
      Object.values(seen).filter((count) => count < 1_000),
      JSON.stringify(seen),
    ).toEqual([])
  })
})
