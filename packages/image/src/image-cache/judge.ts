import type { Downloaded } from '../download/download.ts'
import { responseCacheControl } from '../http-cache/cache-control.ts'
import { fieldNames } from '../http-cache/fields.ts'
import { freshnessLifetime } from '../http-cache/freshness.ts'
import { type Decision, decide } from '../http-cache/policy.ts'
import { retentionMs, whyNotStorable } from '../http-cache/storable.ts'
import type { OriginEntry } from '../network/settings.ts'
import type { ImagePolicy } from './image-settings.ts'
import { type Picture, responseOf } from './picture.ts'

/** Requests of this cache ask for nothing special: a client's own wishes never reach the rules. */
const noFields: ReadonlyMap<string, string> = new Map()

/** The policy for the images of one origin: its `ttl` is their lifetime, whatever it says itself. */
export function policyFor(policy: ImagePolicy, entry: OriginEntry): ImagePolicy {
  const { ttlMs } = entry
  return ttlMs === undefined ? policy : { ...policy, minMs: ttlMs, maxMs: ttlMs }
}

/** A picture that was found fresh, and by which policy: until its end only its age changes. */
interface Verdict {
  readonly policy: ImagePolicy
  readonly at: number
  readonly decision: Decision
}
const verdicts = new WeakMap<Picture, Verdict>()

/** What may be done with a kept picture now. */
export function judge(picture: Picture, policy: ImagePolicy, now: number): Decision {
  const known = verdicts.get(picture)
  if (known !== undefined && known.policy === policy && now >= known.at) {
    const sinceMs = now - known.at
    const { decision } = known
    if (sinceMs === 0) return decision
    if (sinceMs < decision.ttlMs) {
      return { ...decision, ageMs: decision.ageMs + sinceMs, ttlMs: decision.ttlMs - sinceMs }
    }
  }
  const decision = judgeAnew(picture, policy, now)
  if (decision.action === 'fresh' && now >= picture.receivedAt) {
    verdicts.set(picture, { policy, at: now, decision })
  }
  return decision
}

function judgeAnew(picture: Picture, policy: ImagePolicy, now: number): Decision {
  const { mostMs } = picture
  const bounded =
    mostMs === undefined || mostMs >= policy.maxMs
      ? policy
      : { ...policy, minMs: Math.min(policy.minMs, mostMs), maxMs: mostMs }
  const decision = decide(responseOf(picture), noFields, now, bounded)
  if (!picture.purged) return decision
  return { ...decision, action: 'revalidate', refresh: false, detail: 'purged' }
}

/**
 * Why a picture must not be kept, if so. One without a lifetime and without a validator is kept all the same: it can
 * stand in for an origin that fails.
 */
export function whyNotKept(picture: Picture, policy: ImagePolicy): string | undefined {
  const response = responseOf(picture)
  const why = whyNotStorable({ method: 'GET', fields: noFields }, response, policy)
  if (why !== undefined && why !== 'no-freshness') return why
  const varies = fieldNames(response.fields.get('vary'))
  return varies.includes('cookie') || varies.includes('authorization') ? 'vary' : undefined
}

/** How long a picture is kept, its time as a stale one included. */
export function keepMs(picture: Picture, policy: ImagePolicy, now: number): number {
  const { ageMs } = judge(picture, policy, now)
  return Math.max(1_000, retentionMs(responseOf(picture), ageMs, policy))
}

/**
 * What the redirects on the way to an image say of it: the shortest lifetime that one of them states bounds the
 * image's own, and one that must not be kept keeps it out. A redirect that says nothing bounds nothing.
 */
export function boundOfHops(
  hops: Downloaded['hops'],
  policy: ImagePolicy,
  now: number,
): { readonly mostMs: number | undefined; readonly isKeepable: boolean } {
  let mostMs: number | undefined
  for (const { status, headers } of hops) {
    const response = { status, fields: headers, requestedAt: now, receivedAt: now }
    const { control } = responseCacheControl(headers, policy.targetedFields)
    if (control.noStore || control.isPrivate) return { mostMs: undefined, isKeepable: false }
    const unbounded = { ...policy, minMs: 0, maxMs: Number.POSITIVE_INFINITY }
    const lifetime = freshnessLifetime(response, unbounded)
    const isStated = lifetime.source !== 'none' && lifetime.source !== 'heuristic'
    if (control.noCache) mostMs = 0
    else if (isStated) mostMs = Math.min(mostMs ?? Number.POSITIVE_INFINITY, lifetime.ms)
  }
  return { mostMs, isKeepable: true }
}
