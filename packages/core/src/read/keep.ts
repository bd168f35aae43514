import { type Entry, type EntryKind, memoStamp } from '../entry/entry.ts'
import { isolate } from '../entry/isolate.ts'
import { InvalidOptionError } from '../errors.ts'
import { isTouched } from '../invalidation/scope.ts'
import type { NotKeptReason } from '../observe/events.ts'
import { said } from '../observe/said.ts'
import type { EntryPolicy } from '../options/entry-policy.ts'
import type { Engine } from './engine.ts'
import type { Flight } from './flight.ts'
import type { Load } from './load.ts'
import { type Context, NotModified } from './loader-context.ts'
import { entryBytes, jittered, makeEntry, type NewEntry } from './make-entry.ts'

/** What becomes of a key's share of what a loader brought. */
export interface Decision {
  /** What the caller gets that started the load. */
  readonly own: unknown
  /** What the others get, or make their copies of. */
  readonly shared: unknown
  /** What is to be kept; `undefined` if nothing is. */
  readonly entry: NewEntry | undefined
  readonly notKept: NotKeptReason | undefined
  /** Nothing is kept, and what was kept until now is out of date. */
  readonly removes: boolean
  /** Tags that the loader named, or that come from the value it kept on. */
  readonly lateTags: readonly string[] | undefined
}

/** The value of each key of a batch. @throws InvalidOptionError for what is neither a Map nor as long as the keys. */
export function valuesOf(flights: readonly Flight[], loaded: unknown): readonly unknown[] {
  if (loaded instanceof NotModified) return flights.map(() => loaded)
  if (loaded instanceof Map) return flights.map(({ key }) => loaded.get(key))
  if (Array.isArray(loaded) && loaded.length === flights.length) return loaded
  throw new InvalidOptionError(
    `the loader of wrapMany must return a Map by key, or an array as long as the missing keys (${flights.length}); it returned ${Array.isArray(loaded) ? `an array of ${loaded.length}` : `a value of type ${typeof loaded}`}`,
  )
}

/** Decides what becomes of a loaded value. Changes nothing that others see. */
export function decide(
  engine: Engine,
  flight: Flight,
  loaded: unknown,
  context: Context,
  loadMs: number,
): Decision {
  const stale = loaded instanceof NotModified ? flight.stale : undefined
  // A value that is kept on keeps the tags that an earlier loader gave it, unless this one names its own.
  const lateTags = context.tags ?? tagsBeside(stale, flight.policy)
  if (loaded instanceof NotModified) {
    // In a batch some keys may have had nothing to keep.
    if (stale === undefined || stale.kind === 'error')
      return without(undefined, 'undefined', false, lateTags)
    flight.copyPerWaiter = stale.kind === 'copied'
    return keeping(
      engine,
      flight,
      engine.valueOf(stale),
      stale.value,
      stale.kind,
      stale.bytes,
      context,
      lateTags,
      loadMs,
    )
  }
  if (loaded === undefined) return without(undefined, 'undefined', !context.skipped, lateTags)
  let isolated: ReturnType<typeof isolate>
  try {
    isolated = isolate(loaded, engine.valueModeOf(flight.scope))
  } catch (error) {
    if (context.skipped) return without(loaded, 'skip', false, lateTags)
    engine.counters.codecErrors++
    engine.failed('codec', error, flight.scope, flight.key)
    return without(loaded, 'codec', true, lateTags)
  }
  flight.copyPerWaiter = isolated.copyPerHit
  const own = isolated.copyPerHit ? loaded : isolated.value
  if (context.skipped) return without(own, 'skip', false, lateTags, isolated.value)
  const bytes = entryBytes(flight.nearKey, isolated.bytes)
  const kind = isolated.copyPerHit ? 'copied' : 'shareable'
  return keeping(engine, flight, own, isolated.value, kind, bytes, context, lateTags, loadMs)
}

function keeping(
  engine: Engine,
  flight: Flight,
  own: unknown,
  value: unknown,
  kind: EntryKind,
  bytes: number,
  context: Context,
  lateTags: readonly string[] | undefined,
  loadMs: number,
): Decision {
  const { policy } = flight
  const ttlMs =
    context.ttlMs ?? (value === null ? (policy.nullTtlMs ?? policy.ttlMs) : policy.ttlMs)
  if (ttlMs === 0) return without(own, 'ttl', true, lateTags, value)
  const tags = lateTags === undefined ? policy.tags : [...new Set([...policy.tags, ...lateTags])]
  const entry = {
    value,
    kind,
    bytes,
    freshMs: jittered(engine, ttlMs, policy),
    loadMs,
    tags,
    policy,
  }
  return { own, shared: value, entry, notKept: undefined, removes: false, lateTags }
}

function without(
  own: unknown,
  notKept: NotKeptReason,
  removes: boolean,
  lateTags: readonly string[] | undefined,
  shared = own,
): Decision {
  return { own, shared, entry: undefined, notKept, removes, lateTags }
}

function tagsBeside(stale: Entry | undefined, policy: EntryPolicy): readonly string[] | undefined {
  return stale?.marks?.map((mark) => mark.tag).filter((tag) => !policy.tags.includes(tag))
}

/**
 * Carries a decision out, unless something was invalidated meanwhile, and tells the waiters. First the entry, then the
 * free slot, then the waiters: whoever comes between finds the value, not a reason to load again. True if an
 * invalidation kept the value out.
 */
export function conclude(
  engine: Engine,
  flight: Flight,
  decision: Decision,
  now?: number,
): boolean {
  const fenced =
    isFenced(engine, flight, decision.lateTags) ||
    (engine.distrustedSeq > flight.seq && decision.entry?.stamp !== memoStamp)
  let { notKept } = decision
  if (fenced) {
    notKept = flight.apart ? 'off' : 'fenced'
    flight.isStored = false
  } else if (decision.removes) engine.near?.delete(flight.nearKey)
  else if (decision.entry !== undefined && engine.near !== undefined) {
    const entry = makeEntry(engine, flight.scope, decision.entry, now)
    if (!engine.near.set(flight.nearKey, entry)) notKept = 'too-large'
    else if (engine.far === undefined) flight.isStored = true
  }
  if (notKept !== undefined) noteNotKept(engine, flight, notKept)
  else if (engine.verdicts.size > 0) engine.verdicts.delete(flight.nearKey)
  engine.land(flight)
  flight.resolve(decision.own, decision.shared)
  if (notKept === 'fenced') engine.counters.fenced++
  return notKept === 'fenced'
}

/** Whether anything that this load's value may depend on was invalidated since it started. */
export function isFenced(
  engine: Engine,
  flight: Flight,
  lateTags: readonly string[] | undefined,
): boolean {
  if (engine.fence.seq === flight.seq) return flight.voided || flight.apart || flight.fencedAfar
  // Asked first and whatever else fences: those who joined after that invalidation must not get the value either.
  flight.lateTagsFenced =
    lateTags !== undefined && lateTags.length > 0 && flight.scope.tagsTouchedSince(flight.seq)
  return (
    flight.lateTagsFenced ||
    flight.voided ||
    flight.apart ||
    flight.fencedAfar ||
    flight.scope.clearedSince(flight.seq) ||
    isTouched(flight.marks, flight.seq)
  )
}

function noteNotKept(engine: Engine, flight: Flight, notKept: NotKeptReason): void {
  engine.verdicts.set(flight.nearKey, { notKept })
  if (engine.observer.hears('not-kept')) {
    engine.observer.emit('not-kept', {
      cache: engine.name,
      key: said(flight.scope, flight.key),
      reason: notKept,
    })
  }
}

/** Tells the waiters of a failed load. What was kept stays; the next try waits for `retryAfterError`. */
export function settleFailure(
  engine: Engine,
  load: Load,
  flights: readonly Flight[],
  error: unknown,
  keepable: boolean,
): void {
  const now = engine.clock.monotonic()
  for (const flight of flights) {
    const { stale, policy, nearKey } = flight
    // A tag that only the kept value has may have been expired since: it is worth another try at once.
    if (!isFenced(engine, flight, undefined) && !isTouched(stale?.marks, flight.seq)) {
      if (stale !== undefined && stale.kind !== 'error' && engine.near?.peek(nearKey) === stale) {
        stale.retryAt = Math.trunc(now + policy.retryAfterErrorMs)
      } else if (keepable && policy.errorTtlMs > 0) {
        const parts = {
          value: error,
          kind: 'error' as const,
          bytes: entryBytes(nearKey, 0),
          loadMs: 0,
          tags: policy.tags,
          policy,
        }
        const freshMs = jittered(engine, policy.errorTtlMs, policy)
        engine.near?.set(nearKey, makeEntry(engine, flight.scope, { ...parts, freshMs }))
      }
    }
    engine.land(flight)
    flight.reject(error)
    if (load.isBehind) engine.failed('refresh', error, flight.scope, flight.key)
  }
}
