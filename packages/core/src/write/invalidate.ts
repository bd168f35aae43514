import type { Scope } from '../invalidation/scope.ts'
import type { InvalidateEvent } from '../observe/events.ts'
import { type Engine, nearKeyOf } from '../read/engine.ts'

/** Gone at once, also for the stale windows; whatever is being loaded for these keys is not kept. */
export function deleteKeys(engine: Engine, scope: Scope, keys: readonly string[]): void {
  for (const key of keys) {
    const nearKey = nearKeyOf(scope, key)
    engine.voidFlight(nearKey)
    engine.near?.delete(nearKey)
    engine.verdicts.set(nearKey, { gone: 'delete' })
  }
  count(engine, 'delete', keys, [])
}

/** Stale from now on: the windows count from here. Without a window there is nothing left to serve. */
export function expireKeys(engine: Engine, scope: Scope, keys: readonly string[]): void {
  const now = Math.trunc(engine.clock.monotonic())
  for (const key of keys) {
    const nearKey = nearKeyOf(scope, key)
    engine.voidFlight(nearKey)
    const entry = engine.near?.peek(nearKey)
    if (entry === undefined) continue
    if (entry.kind === 'error' || Math.max(entry.swrMs, entry.sieMs) === 0) {
      engine.near?.delete(nearKey)
      engine.verdicts.set(nearKey, { gone: 'expire' })
    } else {
      // A near hit may read a clock that is a moment old: from now on it takes the long way, which reads it exactly.
      entry.checkAt = Number.NEGATIVE_INFINITY
      if (now < entry.staleAt) {
        entry.staleAt = now
        entry.expired = true
      }
    }
    // A value known to be old is worth a try at once, whatever failed before.
    entry.retryAt = 0
  }
  count(engine, 'expire', keys, [])
}

export function invalidateTags(engine: Engine, scope: Scope, tags: readonly string[]): void {
  scope.invalidateTags(tags)
  count(engine, 'invalidateTags', [], tags)
}

export function clear(engine: Engine, scope: Scope): void {
  scope.clear()
  // Entries of a namespace are found out one by one; those of the whole cache need not take memory until then.
  if (scope === engine.root) engine.near?.clear()
  count(engine, 'clear', [], [])
}

export function count(
  engine: Engine,
  operation: InvalidateEvent['operation'],
  keys: readonly string[],
  tags: readonly string[],
): void {
  engine.counters.invalidations++
  if (engine.observer.hears('invalidate')) {
    engine.observer.emit('invalidate', { cache: engine.name, operation, keys, tags })
  }
}
