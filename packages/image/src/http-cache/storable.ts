import { type CacheControl, parseCacheControl, responseCacheControl } from './cache-control.ts'
import { type Fields, fieldNames } from './fields.ts'
import { freshnessLifetime, isHeuristicallyCacheable, type PolicyResponse } from './freshness.ts'
import type { PolicyOptions } from './policy-options.ts'
import { hasValidator } from './validators.ts'

/** Why a response is not kept, in the words of a `Cache-Status` detail. */
export type NotStorable =
  | 'method'
  | 'status'
  | 'request-no-store'
  | 'no-store'
  | 'private'
  | 'authorization'
  | 'vary'
  | 'no-freshness'

/** More names than any real resource varies by; each costs every later read of the URL. */
const maxVaryFields = 16

/** Statuses whose meaning for a cache is known here (RFC 9111, 5.2.2.3). */
const understood = new Set([
  200, 203, 204, 300, 301, 302, 303, 307, 308, 400, 401, 403, 404, 405, 406, 407, 408, 409, 410,
  411, 412, 413, 414, 415, 416, 417, 421, 422, 426, 428, 429, 431, 451, 500, 501, 502, 503, 504,
  505, 511,
])

/** Whether a shared cache may keep the answer to a GET (RFC 9111, 3); else why not. */
export function whyNotStorable(
  request: { readonly method: string; readonly fields: Fields },
  response: PolicyResponse,
  options: PolicyOptions,
): NotStorable | undefined {
  const { control, targeted } = responseCacheControl(response.fields, options.targetedFields)
  if (request.method !== 'GET') return 'method'
  // Only final and complete answers: parts are not kept, and a 304 is about something that is.
  if (response.status < 200 || response.status === 206 || response.status === 304) return 'status'
  if (control.mustUnderstand && !understood.has(response.status)) return 'status'
  if (parseCacheControl(request.fields.get('cache-control')).noStore) return 'request-no-store'
  if (control.noStore && !control.mustUnderstand) return 'no-store'
  if (control.isPrivate) return 'private'
  if (request.fields.get('authorization') && !isSharedDespiteAuthorization(control)) {
    return 'authorization'
  }
  const vary = fieldNames(response.fields.get('vary'))
  if (vary.includes('*') || vary.length > maxVaryFields) return 'vary'
  return isWorthKeeping(response, control, targeted, options) ? undefined : 'no-freshness'
}

/** RFC 9111, 3.5. */
function isSharedDespiteAuthorization(control: CacheControl): boolean {
  return control.isPublic || control.mustRevalidate || control.sMaxage !== undefined
}

function isWorthKeeping(
  response: PolicyResponse,
  control: CacheControl,
  targeted: boolean,
  options: PolicyOptions,
): boolean {
  const isAllowed =
    isHeuristicallyCacheable(response.status, control) ||
    control.maxAge !== undefined ||
    control.sMaxage !== undefined ||
    (!targeted && Boolean(response.fields.get('expires')))
  if (!isAllowed) return false
  return hasValidator(response.fields) || freshnessLifetime(response, options).ms > 0
}

/** How long from now a response is worth its place: to its end of freshness, and on while it can be of use stale. */
export function retentionMs(
  response: PolicyResponse,
  ageMs: number,
  options: PolicyOptions,
): number {
  const { control } = responseCacheControl(response.fields, options.targetedFields)
  const given = (span: number | 'invalid' | undefined) => (typeof span === 'number' ? span : 0)
  const staleMs = Math.max(
    hasValidator(response.fields) ? options.keepStaleMs : 0,
    given(control.staleWhileRevalidate),
    given(control.staleIfError),
    options.staleWhileRevalidateMs,
    options.staleIfErrorMs,
    options.staleIfDisconnectedMs,
  )
  return Math.max(0, freshnessLifetime(response, options).ms - ageMs) + staleMs
}
