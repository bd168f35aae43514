import type { Entry } from '../entry/entry.ts'
import type { Scope } from '../invalidation/scope.ts'
import { type Engine, nearKeyOf } from './engine.ts'
import { freshness } from './freshness.ts'
import { countAbsent, countAnswer } from './outcome.ts'

/** A read that never loads: the entry if it is fresh, or stale within `staleWhileRevalidate`. */
export function read(
  engine: Engine,
  scope: Scope,
  key: string,
  operation: 'get' | 'getMany',
): Entry | undefined {
  const now = engine.clock.monotonic()
  const entry = scope.isOff ? undefined : engine.lookup(scope, nearKeyOf(scope, key), now)
  const status = entry && readable(entry, now)
  if (entry === undefined || status === undefined) {
    countAbsent(engine, operation, key, now)
    return undefined
  }
  countAnswer(engine, operation, key, status, now)
  return entry
}

/** What a read that never loads may use an entry as. */
export function readable(entry: Entry, now: number): 'hit' | 'stale' | undefined {
  if (entry.kind === 'error') return undefined
  const state = freshness(entry, now)
  if (state === 'fresh') return 'hit'
  return state === 'stale-while-revalidate' ? 'stale' : undefined
}
