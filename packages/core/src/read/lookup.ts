import type { Entry } from '../entry/entry.ts'
import type { Scope } from '../invalidation/scope.ts'
import { type Engine, nearKeyOf } from './engine.ts'
import { freshness } from './freshness.ts'
import { countAbsent, countAnswer } from './outcome.ts'

/** Reads that never load: entries that are fresh, or stale within `staleWhileRevalidate`; in the order asked, with gaps. */
export function read(
  engine: Engine,
  scope: Scope,
  keys: readonly string[],
  operation: 'get' | 'getMany',
): (Entry | undefined)[] | Promise<(Entry | undefined)[]> {
  const since = engine.clock.monotonic()
  const off = scope.isOff
  const entries = keys.map((key) =>
    off ? undefined : engine.lookup(scope, nearKeyOf(scope, key), since),
  )
  const count = (entry: Entry | undefined, index: number, tier: 'near' | 'far') => {
    const key = keys[index] as string
    const status = entry && readable(entry, engine.clock.monotonic())
    if (status === undefined) countAbsent(engine, scope, operation, key, since)
    else countAnswer(engine, scope, operation, key, status, since, tier, entry)
    return status === undefined ? undefined : entry
  }
  const far = off ? undefined : engine.far
  if (far === undefined || !entries.includes(undefined)) {
    return entries.map((entry, index) => count(entry, index, 'near'))
  }
  const absent = keys.filter((_key, index) => entries[index] === undefined)
  const wanted = absent.map((key) => ({ key, nearKey: nearKeyOf(scope, key), tags: [] }))
  return far.tier.readLatest(scope, wanted).then((founds) => {
    let next = 0
    return entries.map((entry, index) => {
      if (entry !== undefined) return count(entry, index, 'near')
      const found = founds[next++]
      return count(found?.state === 'entry' ? found.entry : undefined, index, 'far')
    })
  })
}

/** What a read that never loads may use an entry as. */
export function readable(entry: Entry, now: number): 'hit' | 'stale' | undefined {
  if (entry.kind === 'error') return undefined
  const state = freshness(entry, now)
  if (state === 'fresh') return 'hit'
  return state === 'stale-while-revalidate' ? 'stale' : undefined
}
