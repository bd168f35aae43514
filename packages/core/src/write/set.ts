import { isolate } from '../entry/isolate.ts'
import type { Scope } from '../invalidation/scope.ts'
import type { NotKeptReason } from '../observe/events.ts'
import type { EntryPolicy } from '../options/entry-policy.ts'
import { type Engine, nearKeyOf } from '../read/engine.ts'
import { entryBytes, makeEntry } from '../read/make-entry.ts'

/** A value that a caller brings itself: nothing older is served from here on, whether this one can be kept or not. */
export function setKey(
  engine: Engine,
  scope: Scope,
  key: string,
  value: unknown,
  policy: EntryPolicy,
): void {
  const nearKey = nearKeyOf(scope, key)
  engine.voidFlight(nearKey)
  const notKept = keep(engine, scope, key, nearKey, value, policy)
  if (notKept === undefined) {
    if (engine.verdicts.size > 0) engine.verdicts.delete(nearKey)
    return
  }
  engine.near?.delete(nearKey)
  engine.verdicts.set(nearKey, { notKept })
  if (engine.observer.hears('not-kept'))
    engine.observer.emit('not-kept', { cache: engine.name, key, reason: notKept })
}

function keep(
  engine: Engine,
  scope: Scope,
  key: string,
  nearKey: string,
  value: unknown,
  policy: EntryPolicy,
): NotKeptReason | undefined {
  if (scope.isOff) return 'off'
  if (value === undefined) return 'undefined'
  const ttlMs = value === null ? (policy.nullTtlMs ?? policy.ttlMs) : policy.ttlMs
  if (ttlMs === 0) return 'ttl'
  if (engine.near === undefined) return undefined
  let isolated: ReturnType<typeof isolate>
  try {
    isolated = isolate(value, engine.settings.memory?.values ?? 'isolated')
  } catch (error) {
    engine.counters.codecErrors++
    engine.observer.error('codec', error, key)
    return 'codec'
  }
  const kind = isolated.copyPerHit ? 'copied' : 'shareable'
  const bytes = entryBytes(nearKey, isolated.bytes)
  const entry = makeEntry(engine, scope, {
    value: isolated.value,
    kind,
    bytes,
    ttlMs,
    loadMs: 0,
    tags: policy.tags,
    policy,
  })
  return engine.near.set(nearKey, entry) ? undefined : 'too-large'
}
