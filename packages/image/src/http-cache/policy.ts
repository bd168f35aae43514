/**
 * RFC 9111 and RFC 5861 for a shared cache, as pure functions of fields and instants. `createHttpCache` and the image
 * cache decide by the same ones. Who keeps responses itself needs, in this order:
 *
 * - `defaultPolicy` and `PolicyOptions` (`policy-options.ts`); `fieldsOf(pairs)` or a `Headers` (`fields.ts`);
 * - `whyNotStorable(request, response, options)`: `undefined`, or the reason not to keep it (`storable.ts`);
 * - `retentionMs(response, ageMs, options)`: how long to keep it, its stale time included (`storable.ts`);
 * - `storedFields(pairs, …)`: the fields that may be kept (`stored-fields.ts`);
 * - `decide(kept, request, now, options)`: what may be done with what is kept, below;
 * - `revalidationFields(fields)`: the conditions to send (`validators.ts`);
 * - `mergeNotModified(kept, answer)`: the new fields after a 304, or `undefined` = fetch it anew (`not-modified.ts`);
 * - `retryAfterMs(fields, now, capMs)` of a 429 or 503 (`retry-after.ts`);
 * - `isNotModified` (`validators.ts`), `requestedRange` (`byte-range.ts`), `cacheStatus` (`cache-status.ts`) to serve.
 */
import { type CacheControl, parseCacheControl, responseCacheControl } from './cache-control.ts'
import type { Fields } from './fields.ts'
import { currentAge, freshnessLifetime, type PolicyResponse } from './freshness.ts'
import type { PolicyOptions } from './policy-options.ts'
import { hasValidator } from './validators.ts'

/**
 * What may be done with a kept response for one request: `'fresh'`: serve it; `'stale'`: serve it, and refresh it
 * behind the caller where `refresh` says so; `'revalidate'`: ask the origin with its validators; `'miss'`: ask anew.
 */
export interface Decision {
  readonly action: 'fresh' | 'stale' | 'revalidate' | 'miss'
  /** Of a stale one: whether to refresh it behind the caller (not where the caller itself asked for stale ones). */
  readonly refresh: boolean
  readonly ageMs: number
  /** What is left of its freshness; negative by how long it has been stale. */
  readonly ttlMs: number
  /** Whether it may stand in for a 5xx answer (RFC 5861, 4). */
  readonly mayServeOnError: boolean
  /** Whether it may stand in while no answer comes (RFC 9111, 4.2.4). */
  readonly mayServeDisconnected: boolean
  /** Why it is not simply fresh, in the words of a `Cache-Status` detail. */
  readonly detail: string | undefined
}

/** What a request may get of a kept response (RFC 9111, 4). Vary and the method have been looked at before. */
export function decide(
  kept: PolicyResponse,
  request: Fields,
  now: number,
  options: PolicyOptions,
): Decision {
  const { control } = responseCacheControl(kept.fields, options.targetedFields)
  const asked = requestControl(request)
  const ageMs = currentAge(kept, now)
  const ttlMs = freshnessLifetime(kept, options).ms - ageMs
  const staleMs = -ttlMs
  // What a request wants confirmed is not stood in for either (RFC 9111, 5.2.1.4).
  const unstaleable = mayNeverBeStale(control) || asked.noCache
  const within = (given: number | 'invalid' | undefined, ownMs: number) =>
    !unstaleable && staleMs < Math.max(typeof given === 'number' ? given : 0, ownMs)

  const asks = { ageMs, ttlMs, refresh: false, detail: undefined }
  const standIn = {
    mayServeOnError: within(
      longer(control.staleIfError, asked.staleIfError),
      options.staleIfErrorMs,
    ),
    mayServeDisconnected: within(
      longer(control.staleIfError, asked.staleIfError),
      Math.max(options.staleIfErrorMs, options.staleIfDisconnectedMs),
    ),
  }
  const again = (detail: string): Decision => ({
    ...asks,
    ...standIn,
    action: hasValidator(kept.fields) ? 'revalidate' : 'miss',
    detail,
  })

  if (asked.noCache) return again('request-no-cache')
  if (control.noCache) return again('no-cache')
  if (isTooOld(asked.maxAge, ageMs)) return again('request-max-age')
  if (typeof asked.minFresh === 'number' && ttlMs < asked.minFresh)
    return again('request-min-fresh')
  if (ttlMs > 0) return { ...asks, ...standIn, action: 'fresh' }
  if (within(control.staleWhileRevalidate, options.staleWhileRevalidateMs)) {
    return { ...asks, ...standIn, action: 'stale', refresh: true, detail: 'stale-while-revalidate' }
  }
  if (typeof asked.maxStale === 'number' && within(undefined, asked.maxStale)) {
    return { ...asks, ...standIn, action: 'stale', detail: 'max-stale' }
  }
  return again('stale')
}

/** Older than the request wants (RFC 9111, 5.2.1.1). 0 wants what is asked about, also in the moment it came. */
function isTooOld(asked: number | 'invalid' | undefined, ageMs: number): boolean {
  if (asked === undefined) return false
  return asked === 'invalid' || asked === 0 || ageMs > asked
}

/** `Pragma: no-cache` counts where there is no `Cache-Control` (RFC 9111, 5.4). */
function requestControl(request: Fields): CacheControl {
  const value = request.get('cache-control')
  if (value !== null && value !== undefined) return parseCacheControl(value)
  const pragma = request.get('pragma')
  return parseCacheControl(
    pragma && /(^|,)\s*no-cache\s*(,|$)/i.test(pragma) ? 'no-cache' : undefined,
  )
}

/** `s-maxage` means `proxy-revalidate` too (RFC 9111, 5.2.2.10). */
function mayNeverBeStale(control: CacheControl): boolean {
  return (
    control.mustRevalidate ||
    control.proxyRevalidate ||
    control.noCache ||
    control.sMaxage !== undefined
  )
}

function longer(
  left: number | 'invalid' | undefined,
  right: number | 'invalid' | undefined,
): number | undefined {
  if (typeof left !== 'number') return typeof right === 'number' ? right : undefined
  return typeof right === 'number' ? Math.max(left, right) : left
}
