import { goneAt } from './entry/entry.ts'
import type { Scope } from './invalidation/scope.ts'
import type { Explanation } from './observe/explanation.ts'
import { type Engine, nearKeyOf } from './read/engine.ts'
import { freshness } from './read/freshness.ts'

/** Looks without touching: no counter moves, no entry becomes recently used, nothing is dropped. */
export function explain(engine: Engine, scope: Scope, key: string): Explanation {
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
    key,
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
    tags: [...new Set(entry?.marks?.map((mark) => mark.tag))],
    bytes: entry?.bytes,
    staleBecause:
      entry === undefined || state === 'fresh' ? undefined : entry.expired ? 'expire' : 'ttl',
    goneBecause: entry === undefined ? verdict?.gone : undefined,
    notKeptBecause:
      entry === undefined && verdict !== undefined && 'notKept' in verdict
        ? verdict.notKept
        : undefined,
    retryAt: entry !== undefined && entry.retryAt > now ? unix(entry.retryAt) : undefined,
    loading,
    off: scope.isOff,
    shard: undefined,
  }
}
