import type { Scope } from './invalidation/scope.ts'
import { type Engine, nearKeyOf } from './read/engine.ts'
import { readable } from './read/lookup.ts'

/** What the near tier has of a key and may be used without a load; nothing is counted, nothing becomes recently used. */
export function peek(engine: Engine, scope: Scope, key: string): unknown {
  const entry = engine.near?.peek(nearKeyOf(scope, key))
  if (entry === undefined || scope.isOff) return undefined
  const isPlainlyFresh =
    entry.kind !== 'error' && entry.seq === engine.fence.seq && engine.coarse.now() < entry.checkAt
  // Plainly fresh, as for a hit, it takes no exact reading of the clock, which would be a number on the heap.
  if (!isPlainlyFresh) {
    const now = engine.clock.monotonic()
    const gone = engine.whyGone(scope, entry, now) !== undefined
    if (gone || readable(entry, now) === undefined) return undefined
  }
  return engine.valueOf(entry)
}
