import { expireEntry } from '../entry/entry.ts'
import type { Scope } from '../invalidation/scope.ts'
import type { InvalidateEvent } from '../observe/events.ts'
import { allSaid } from '../observe/said.ts'
import { type Engine, nearKeyOf } from '../read/engine.ts'
import type { Far } from '../tiers/far.ts'

/**
 * Each of these acts here at once, then on the store, then here again, for what was read from the store meanwhile.
 * Without a store they are done when they return.
 */
type Done = Promise<void> | undefined

/** Gone at once, also for the stale windows; whatever is being loaded for these keys is not kept. */
export function deleteKeys(engine: Engine, scope: Scope, keys: readonly string[]): Done {
  const act = () => {
    for (const key of keys) {
      const nearKey = nearKeyOf(scope, key)
      engine.voidFlight(nearKey)
      engine.near?.delete(nearKey)
      engine.verdicts.set(nearKey, { gone: 'delete' })
    }
  }
  const deletion = engine.far?.tier.writes.beginDeletion(scope, keys)
  count(engine, scope, 'delete', keys, [])
  return everywhere(engine, act, (far) => far.deleteKeys(scope, keys, deletion))
}

/** Stale from now on: the windows count from here. Without a window there is nothing left to serve. */
export function expireKeys(engine: Engine, scope: Scope, keys: readonly string[]): Done {
  const now = Math.trunc(engine.clock.monotonic())
  const act = () => {
    for (const key of keys) {
      const nearKey = nearKeyOf(scope, key)
      engine.voidFlight(nearKey)
      const entry = engine.near?.peek(nearKey)
      if (entry === undefined) continue
      // What the store has is stamped anew; this one would not be found there again.
      const isElsewhere = entry.stamp !== undefined && !entry.isMemo
      if (isElsewhere || !expireEntry(entry, now, 'expire')) {
        engine.near?.delete(nearKey)
        engine.verdicts.set(nearKey, { gone: 'expire' })
      }
    }
  }
  // What it has not reached yet it need not overtake; were it dropped, the value before it would be what is left.
  for (const key of keys) engine.far?.tier.writes.doubt(nearKeyOf(scope, key))
  count(engine, scope, 'expire', keys, [])
  return everywhere(engine, act, (far) => far.expireKeys(scope, keys))
}

export function invalidateTags(engine: Engine, scope: Scope, tags: readonly string[]): Done {
  count(engine, scope, 'invalidateTags', [], tags)
  return everywhere(
    engine,
    () => scope.invalidateTags(tags),
    (far) => far.invalidateTags(scope, tags),
  )
}

/** As `expireKeys` for everything under one of the tags. What is being loaded under one is not kept. */
export function expireTags(engine: Engine, scope: Scope, tags: readonly string[]): Done {
  const now = Math.trunc(engine.clock.monotonic())
  count(engine, scope, 'expireTags', [], tags)
  return everywhere(
    engine,
    () => scope.expireTags(tags, now),
    (far) => far.expireTags(scope, tags),
  )
}

export function clear(engine: Engine, scope: Scope): Done {
  const act = () => {
    scope.clear()
    // Entries of a namespace are found out one by one; those of the whole cache need not take memory until then.
    if (scope === engine.root) engine.near?.clear()
  }
  count(engine, scope, 'clear', [], [])
  return everywhere(engine, act, (far) => far.clear(scope))
}

function everywhere(engine: Engine, act: () => void, actAfar: (far: Far) => Promise<void>): Done {
  act()
  return engine.far === undefined ? undefined : actAfar(engine.far).finally(act)
}

export function count(
  engine: Engine,
  scope: Scope,
  operation: InvalidateEvent['operation'],
  keys: readonly string[],
  tags: readonly string[],
): void {
  engine.counters.invalidations++
  if (engine.observer.hears('invalidate')) {
    engine.observer.emit('invalidate', {
      cache: engine.name,
      operation,
      keys: allSaid(scope, keys),
      tags: allSaid(scope, tags),
    })
  }
}
