import { isolate } from '../entry/isolate.ts'
import type { Scope } from '../invalidation/scope.ts'
import { assertKey } from '../keys/assert-key.ts'
import type { NotKeptReason } from '../observe/events.ts'
import { said } from '../observe/said.ts'
import type { EntryPolicy } from '../options/entry-policy.ts'
import { unmet } from '../options/expectation.ts'
import type { PolicyOfKey } from '../options/key-patterns.ts'
import { type Engine, nearKeyOf } from '../read/engine.ts'
import { entryBytes, jittered, makeEntry, type NewEntry } from '../read/make-entry.ts'
import type { Far } from '../tiers/far.ts'
import type { Write } from '../tiers/write.ts'
import { count } from './invalidate.ts'

/** A value that a caller brings itself. */
export interface SetKey {
  readonly key: string
  readonly value: unknown
  readonly policy: EntryPolicy
}

/** What `setMany` is given. @throws KeyError, InvalidOptionError */
export function itemsOf(
  entries: Iterable<readonly [string, unknown]>,
  policyOf: PolicyOfKey,
): SetKey[] {
  if (typeof entries?.[Symbol.iterator] !== 'function')
    throw unmet('setMany(entries)', 'an iterable of [key, value]', entries)
  const items: SetKey[] = []
  for (const entry of entries) {
    if (!Array.isArray(entry))
      throw unmet('each entry of setMany(entries)', 'a [key, value]', entry)
    const [key, value] = entry as readonly [string, unknown]
    assertKey(key)
    items.push({ key, value, policy: policyOf(key) })
  }
  return items
}

/**
 * Nothing older is served from here on, whether the values can be kept or not.
 * @throws InvalidationError, as a rejection, if the store may still hold what was there before.
 */
export function setKeys(
  engine: Engine,
  scope: Scope,
  items: readonly SetKey[],
): Promise<void> | undefined {
  const keys = items.map(({ key }) => key)
  count(engine, scope, 'set', keys, [])
  const { far } = engine
  const drafts = items.map((item) => {
    const nearKey = nearKeyOf(scope, item.key)
    engine.voidFlight(nearKey)
    const draft = draftOf(engine, scope, nearKey, item)
    return { key: item.key, nearKey, draft }
  })
  if (far !== undefined) return setAfar(engine, far, scope, drafts)
  for (const { key, nearKey, draft } of drafts) keepNear(engine, scope, key, nearKey, draft)
  return undefined
}

interface Draft {
  readonly key: string
  readonly nearKey: string
  readonly draft: NewEntry | NotKeptReason
}

/** In the store first. What is invalidated meanwhile, here or as far as the bus tells, is kept in neither tier. */
function setAfar(engine: Engine, far: Far, scope: Scope, drafts: readonly Draft[]): Promise<void> {
  const { seq } = engine.fence
  const writes = drafts.map(({ nearKey }) => {
    engine.near?.delete(nearKey)
    return far.tier.writes.begin(nearKey)
  })
  const forEach = (act: (draft: Draft, index: number) => void) => {
    drafts.forEach((draft, index) => {
      const write = writes[index] as Write
      far.tier.writes.end(draft.nearKey, write)
      if (write.overtakenBy !== undefined) return
      // Loads that began meanwhile may have read what was there before.
      engine.voidFlight(draft.nearKey)
      act(draft, index)
    })
  }
  return far
    .set(
      scope,
      drafts.map(({ key, draft }, index) => ({
        key,
        write: writes[index] as Write,
        entry: typeof draft === 'string' ? undefined : draft,
      })),
    )
    .then(
      (stamps) =>
        forEach(({ key, nearKey, draft }, index) => {
          const kept = typeof draft === 'string' ? draft : { ...draft, stamp: stamps[index] }
          const isTouched =
            writes[index]?.doubtful ||
            scope.clearedSince(seq) ||
            (typeof kept !== 'string' && kept.tags.length > 0 && scope.tagsTouchedSince(seq))
          if (!isTouched) keepNear(engine, scope, key, nearKey, kept)
        }),
      (error: unknown) => {
        forEach(({ nearKey }) => engine.near?.delete(nearKey))
        throw error
      },
    )
}

function draftOf(
  engine: Engine,
  scope: Scope,
  nearKey: string,
  item: SetKey,
): NewEntry | NotKeptReason {
  const { key, value, policy } = item
  if (scope.isOff) return 'off'
  if (value === undefined) return 'undefined'
  const ttlMs = value === null ? (policy.nullTtlMs ?? policy.ttlMs) : policy.ttlMs
  if (ttlMs === 0) return 'ttl'
  try {
    const isolated = isolate(value, engine.valueModeOf(scope))
    return {
      value: isolated.value,
      kind: isolated.copyPerHit ? 'copied' : 'shareable',
      bytes: entryBytes(nearKey, isolated.bytes),
      freshMs: jittered(engine, ttlMs, policy),
      loadMs: 0,
      tags: policy.tags,
      policy,
    }
  } catch (error) {
    engine.counters.codecErrors++
    engine.failed('codec', error, scope, key)
    return 'codec'
  }
}

function keepNear(
  engine: Engine,
  scope: Scope,
  key: string,
  nearKey: string,
  draft: NewEntry | NotKeptReason,
): void {
  let notKept = typeof draft === 'string' ? draft : undefined
  if (typeof draft !== 'string' && engine.near !== undefined && !scope.isClosed) {
    if (!engine.near.set(nearKey, makeEntry(engine, scope, draft))) notKept = 'too-large'
  }
  if (notKept === undefined) {
    if (engine.verdicts.size > 0) engine.verdicts.delete(nearKey)
    return
  }
  engine.near?.delete(nearKey)
  engine.verdicts.set(nearKey, { notKept })
  if (engine.observer.hears('not-kept'))
    engine.observer.emit('not-kept', {
      cache: engine.name,
      key: said(scope, key),
      reason: notKept,
    })
}
