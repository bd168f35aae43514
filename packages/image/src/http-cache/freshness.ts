import { type CacheControl, responseCacheControl } from './cache-control.ts'
import type { Fields } from './fields.ts'
import { parseHttpDate } from './http-date.ts'
import type { PolicyOptions } from './policy-options.ts'

/** A response as the rules see it: its status and fields, and when it was asked for and received (Unix ms). */
export interface PolicyResponse {
  readonly status: number
  readonly fields: Fields
  readonly requestedAt: number
  readonly receivedAt: number
}

/** Where a lifetime comes from; `'none'`: nothing gives one, so it is 0. */
export type LifetimeSource = 's-maxage' | 'max-age' | 'expires' | 'heuristic' | 'negative' | 'none'

export interface Lifetime {
  readonly ms: number
  readonly source: LifetimeSource
}

/** Statuses that may be kept without being told so (RFC 9110, 15.1). 206 is left out: parts are not kept. */
const heuristicStatuses = new Set([200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501])

export function isHeuristicallyCacheable(status: number, control: CacheControl): boolean {
  return heuristicStatuses.has(status) || control.isPublic
}

/** How long a response is fresh, counted from its origin's sending it (RFC 9111, 4.2.1), within the deployment's bounds. */
export function freshnessLifetime(response: PolicyResponse, options: PolicyOptions): Lifetime {
  const { control, targeted } = responseCacheControl(response.fields, options.targetedFields)
  const lifetime =
    statedLifetime(response, control, targeted) ?? unstatedLifetime(response, control, options)
  return { ...lifetime, ms: Math.min(Math.max(lifetime.ms, options.minMs), options.maxMs) }
}

function statedLifetime(
  response: PolicyResponse,
  control: CacheControl,
  targeted: boolean,
): Lifetime | undefined {
  if (control.sMaxage !== undefined) return { ms: valid(control.sMaxage), source: 's-maxage' }
  if (control.maxAge !== undefined) return { ms: valid(control.maxAge), source: 'max-age' }
  const expires = response.fields.get('expires')
  if (targeted || expires === null || expires === undefined) return undefined
  const until = parseHttpDate(expires, response.receivedAt)
  // A date that cannot be read, above all `0`, is one that has passed (RFC 9111, 5.3).
  if (until === undefined) return { ms: 0, source: 'expires' }
  return { ms: Math.max(0, until - sentAt(response)), source: 'expires' }
}

function unstatedLifetime(
  response: PolicyResponse,
  control: CacheControl,
  options: PolicyOptions,
): Lifetime {
  const none: Lifetime = { ms: 0, source: 'none' }
  const negative = response.status === 404 || response.status === 410
  if (negative && options.negativeMs > 0) return { ms: options.negativeMs, source: 'negative' }
  if (!isHeuristicallyCacheable(response.status, control)) return none
  const modified = parseHttpDate(response.fields.get('last-modified'), response.receivedAt)
  if (modified === undefined || options.heuristicShare === 0) return none
  const ms = Math.max(0, sentAt(response) - modified) * options.heuristicShare
  return { ms: Math.min(ms, options.heuristicMaxMs), source: 'heuristic' }
}

function valid(span: number | 'invalid'): number {
  return span === 'invalid' ? 0 : span
}

/** `Date`, or when it came where there is none to read (RFC 9110, 6.6.1). */
function sentAt(response: PolicyResponse): number {
  return parseHttpDate(response.fields.get('date'), response.receivedAt) ?? response.receivedAt
}

/**
 * How old a response already was when it came (RFC 9111, 4.2.3). The clocks of origin and cache are compared in one
 * direction only: a response can look older than it is, never younger.
 */
export function ageAtReceipt(response: PolicyResponse): number {
  // `Date` knows seconds only; what is lost below one is not age.
  const apparentMs = Math.floor(Math.max(0, response.receivedAt - sentAt(response)) / 1_000) * 1_000
  const delayMs = Math.max(0, response.receivedAt - response.requestedAt)
  return Math.max(apparentMs, ageField(response.fields) + delayMs)
}

/** The age of a kept response now, in milliseconds. A clock that went back does not make it younger than it came. */
export function currentAge(response: PolicyResponse, now: number): number {
  return ageAtReceipt(response) + Math.max(0, now - response.receivedAt)
}

/** `Age` is one number; of a list the first, and what is no number is ignored (RFC 9111, 5.1). */
function ageField(fields: Fields): number {
  const first = fields.get('age')?.split(',', 1)[0]?.trim() ?? ''
  return /^\d+$/.test(first) ? Math.min(Number(first), 2_147_483_648) * 1_000 : 0
}
