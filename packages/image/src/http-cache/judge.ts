import type { CacheStatus } from './cache-status.ts'
import type { HttpRequest } from './http-request.ts'
import { policyView } from './kept-response.ts'
import type { OriginFailure } from './origin-holds.ts'
import { type Decision, decide } from './policy.ts'
import type { PolicyOptions } from './policy-options.ts'
import type { Found, Looked } from './shelf.ts'

/** What was found for a request, with what may be done with it. */
export interface Judged {
  readonly found: Found
  readonly decision: Decision
}

/** Of what was found the newest that may be served as it is, else the newest of all. */
export function judge(
  request: HttpRequest,
  looked: Looked,
  now: number,
  policy: PolicyOptions,
): Judged | undefined {
  const all = looked.found.map((found) => {
    const decision = decide(policyView(found.kept), request.headers, now, policy)
    return { found, decision: isNewWanted(request) ? firm(decision) : decision }
  })
  return all.find(({ decision }) => decision.action === 'fresh') ?? all[0]
}

/** Whether the caller wants nothing that the origin has not confirmed for this very request. */
export function isNewWanted({ mode }: HttpRequest): boolean {
  return mode === 'reload' || mode === 'no-cache'
}

/** Nothing stands in for an answer that the caller wants from the origin itself. */
function firm(decision: Decision): Decision {
  return { ...decision, mayServeOnError: false, mayServeDisconnected: false }
}

export function isServable({ action }: Decision): boolean {
  return action === 'fresh' || action === 'stale'
}

export function mayStandIn(decision: Decision, failure: OriginFailure): boolean {
  return failure === 'error' ? decision.mayServeOnError : decision.mayServeDisconnected
}

/** Why a request went on to the origin (RFC 9211, 2.2). */
export type Fwd = NonNullable<CacheStatus['fwd']>

export function whyForwarded(
  request: HttpRequest,
  looked: Looked,
  judged: Judged | undefined,
): Fwd {
  if (isNewWanted(request)) return 'request'
  if (judged?.decision.detail?.startsWith('request-')) return 'request'
  if (judged !== undefined) return 'stale'
  return looked.place.at === 'variant' ? 'vary-miss' : 'uri-miss'
}
