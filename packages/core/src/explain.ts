import { goneAt } from './entry/entry.ts'
import type { Scope } from './invalidation/scope.ts'
import type { Explanation } from './observe/explanation.ts'
import { allSaid, said } from './observe/said.ts'
import { type Engine, nearKeyOf } from './read/engine.ts'
import { freshness } from './read/freshness.ts'
import type { Looked } from './tiers/far-reader.ts'

/** Looks without touching: no counter moves, no entry becomes recently used, nothing is dropped. */
export async function explain(engine: Engine, scope: Scope, key: string): Promise<Explanation> {
  const { far } = engine
  const near = { ...explainNear(engine, scope, key), shard: far?.tier.shardOf(scope, key) }
  if (near.tier !== undefined || far === undefined || near.off) return near
  try {
    return withFar(engine, scope, near, await far.tier.look(scope, key))
  } catch {
    // A store that does not answer explains nothing; health() and the breaker's events tell of it.
    return near
  }
}

/** What the store says of a key that the near tier has not. */
function withFar(
  engine: Engine,
  scope: Scope,
  near: Explanation,
  { decoded, tags, gone, standing }: Looked,
): Explanation {
  if (decoded === undefined) return near
  if (decoded.kind === 'claim') return { ...near, status: 'loading', loading: true }
  if (decoded.kind === 'refused') return { ...near, goneBecause: `refused ${decoded.reason}` }
  if (decoded.kind !== 'value') return near
  if (gone !== undefined) return { ...near, goneBecause: saidReason(scope, gone) }
  const { staleAt, expiredBy } = standing ?? { ...decoded, expiredBy: undefined }
  const isFresh = engine.clock.now() < staleAt
  return {
    ...near,
    status: isFresh ? 'fresh' : 'stale',
    tier: 'far',
    storedAt: decoded.storedAt,
    staleAt,
    expiresAt: Math.min(
      decoded.expiresAt,
      staleAt + Math.max(decoded.staleWhileRevalidateMs, decoded.staleIfErrorMs),
    ),
    loadMs: decoded.loadMs,
    tags: allSaid(scope, tags),
    bytes: decoded.bytes,
    staleBecause: isFresh ? undefined : saidReason(scope, expiredBy ?? 'ttl'),
    goneBecause: undefined,
    notKeptBecause: undefined,
  }
}

function explainNear(engine: Engine, scope: Scope, key: string): Explanation {
  const nearKey = nearKeyOf(scope, key)
  const now = engine.clock.monotonic()
  const loading = engine.joinable(scope, nearKey) !== undefined
  const found = engine.near?.peek(nearKey)
  const gone = found && engine.whyGone(scope, found, now)
  const entry = gone === undefined ? found : undefined
  const verdict = gone === undefined ? engine.verdicts.get(nearKey) : { gone }
  // Inside, spans are on the monotonic clock; outside, instants are Unix time.
  const unix = (at: number) => Math.round(engine.clock.now() + (at - now))
  const state = entry && freshness(entry, now)
  return {
    key: said(scope, key),
    status:
      entry === undefined
        ? loading
          ? 'loading'
          : 'absent'
        : entry.kind === 'error'
          ? 'error'
          : state === 'fresh'
            ? 'fresh'
            : 'stale',
    tier: entry && 'near',
    storedAt: entry && unix(entry.storedAt),
    staleAt: entry && unix(entry.staleAt),
    expiresAt: entry && unix(goneAt(entry)),
    loadMs: entry?.loadMs,
    tags: allSaid(scope, [...new Set(entry?.marks?.map((mark) => mark.tag))]),
    bytes: entry?.bytes,
    staleBecause:
      entry === undefined || state === 'fresh'
        ? undefined
        : saidReason(scope, entry.expiredBy ?? 'ttl'),
    goneBecause: entry === undefined ? saidReason(scope, verdict?.gone) : undefined,
    notKeptBecause:
      entry === undefined && verdict !== undefined && 'notKept' in verdict
        ? verdict.notKept
        : undefined,
    retryAt: entry !== undefined && entry.retryAt > now ? unix(entry.retryAt) : undefined,
    loading,
    maxAgeMs: engine.near === undefined ? undefined : engine.maxAgeMs,
    off: scope.isOff,
    shard: undefined,
  }
}

/** A reason may name a tag. */
function saidReason<Reason extends string | undefined>(
  scope: Scope,
  reason: Reason,
): Reason | `tag ${string}` {
  return reason?.startsWith('tag ') ? `tag ${said(scope, reason.slice(4))}` : reason
}
