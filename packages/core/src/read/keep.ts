import type { Entry, EntryKind } from '../entry/entry.ts'
import { isolate } from '../entry/isolate.ts'
import { InvalidOptionError } from '../errors.ts'
import { touchedMark } from '../invalidation/scope.ts'
import type { LoadEvent, NotKeptReason } from '../observe/events.ts'
import type { EntryPolicy } from '../options/entry-policy.ts'
import type { Engine } from './engine.ts'
import type { Flight } from './flight.ts'
import type { Load } from './load.ts'
import { type Context, NotModified } from './loader-context.ts'
import { entryBytes, makeEntry } from './make-entry.ts'

/** Keeps what a loader brought, where nothing was invalidated meanwhile, and then tells its waiters. */
export function settleSuccess(
  engine: Engine,
  load: Load,
  loaded: unknown,
  context: Context,
  loadMs: number,
  batch: boolean,
): LoadEvent['outcome'] {
  let fenced = false
  if (!batch) {
    const flight = load.flights[0]
    if (flight !== undefined) fenced = settleFlight(engine, flight, loaded, context, loadMs)
    return fenced ? 'fenced' : 'ok'
  }
  const valueAt = loaded instanceof NotModified ? () => loaded : batchValues(load, loaded)
  if (valueAt instanceof InvalidOptionError) {
    engine.counters.loadErrors++
    settleFailure(engine, load, valueAt, false)
    return 'error'
  }
  load.flights.forEach((flight, index) => {
    if (settleFlight(engine, flight, valueAt(flight.key, index), context, loadMs)) fenced = true
  })
  return fenced ? 'fenced' : 'ok'
}

function batchValues(
  load: Load,
  loaded: unknown,
): InvalidOptionError | ((key: string, index: number) => unknown) {
  if (loaded instanceof Map) return (key) => loaded.get(key)
  if (Array.isArray(loaded) && loaded.length === load.flights.length)
    return (_key, index) => loaded[index]
  return new InvalidOptionError(
    `the loader of wrapMany must return a Map by key, or an array as long as the missing keys (${load.flights.length}); it returned ${Array.isArray(loaded) ? `an array of ${loaded.length}` : `a value of type ${typeof loaded}`}`,
  )
}

/** True if an invalidation kept the value out. */
function settleFlight(
  engine: Engine,
  flight: Flight,
  loaded: unknown,
  context: Context,
  loadMs: number,
): boolean {
  const stale = loaded instanceof NotModified ? flight.stale : undefined
  // A value that is kept on keeps the tags that an earlier loader gave it, unless this one names its own.
  const lateTags = context.tags ?? tagsBeside(stale, flight.policy)
  const fenced = isFenced(engine, flight, lateTags)
  if (loaded instanceof NotModified) {
    // In a batch some keys may have had nothing to keep.
    if (stale === undefined || stale.kind === 'error')
      return answer(engine, flight, undefined, fenced ? 'fenced' : 'undefined')
    if (!fenced)
      put(engine, flight, stale.value, stale.kind, stale.bytes, context.ttlMs, lateTags, loadMs)
    flight.copyPerWaiter = stale.kind === 'copied'
    return answer(engine, flight, engine.valueOf(stale), fenced ? 'fenced' : undefined, stale.value)
  }
  if (loaded === undefined) {
    if (!fenced && !context.skipped) engine.near?.delete(flight.nearKey)
    return answer(engine, flight, undefined, fenced ? 'fenced' : 'undefined')
  }
  let isolated: ReturnType<typeof isolate>
  try {
    isolated = isolate(loaded, engine.settings.memory?.values ?? 'isolated')
  } catch (error) {
    if (context.skipped) return answer(engine, flight, loaded, fenced ? 'fenced' : 'skip')
    engine.counters.codecErrors++
    if (!fenced) engine.near?.delete(flight.nearKey)
    engine.observer.error('codec', error, flight.key)
    return answer(engine, flight, loaded, fenced ? 'fenced' : 'codec')
  }
  flight.copyPerWaiter = isolated.copyPerHit
  const handed = isolated.copyPerHit ? loaded : isolated.value
  if (fenced) return answer(engine, flight, handed, 'fenced', isolated.value)
  if (context.skipped) return answer(engine, flight, handed, 'skip', isolated.value)
  const bytes = entryBytes(flight.nearKey, isolated.bytes)
  const kept = put(
    engine,
    flight,
    isolated.value,
    isolated.copyPerHit ? 'copied' : 'shareable',
    bytes,
    context.ttlMs,
    lateTags,
    loadMs,
  )
  return answer(engine, flight, handed, kept, isolated.value)
}

function tagsBeside(stale: Entry | undefined, policy: EntryPolicy): readonly string[] | undefined {
  return stale?.marks?.map((mark) => mark.tag).filter((tag) => !policy.tags.includes(tag))
}

/** Whether anything that this load's value may depend on was invalidated since it started. */
function isFenced(
  engine: Engine,
  flight: Flight,
  lateTags: readonly string[] | undefined,
): boolean {
  if (engine.fence.seq === flight.seq) return flight.voided || flight.apart
  // Asked first and whatever else fences: those who joined after that invalidation must not get the value either.
  flight.lateTagsFenced =
    lateTags !== undefined && lateTags.length > 0 && flight.scope.tagsTouchedSince(flight.seq)
  return (
    flight.lateTagsFenced ||
    flight.voided ||
    flight.apart ||
    flight.scope.clearedSince(flight.seq) ||
    touchedMark(flight.marks, flight.seq) !== undefined
  )
}

/** First the entry, then the free slot, then the waiters: whoever comes between finds the value, not a reason to load again. */
function answer(
  engine: Engine,
  flight: Flight,
  value: unknown,
  notKept: NotKeptReason | undefined,
  shared = value,
): boolean {
  if (notKept !== undefined) noteNotKept(engine, flight, flight.apart ? 'off' : notKept)
  else if (engine.verdicts.size > 0) engine.verdicts.delete(flight.nearKey)
  engine.land(flight)
  flight.resolve(value, shared)
  if (notKept !== 'fenced' || flight.apart) return false
  engine.counters.fenced++
  return true
}

function noteNotKept(engine: Engine, flight: Flight, notKept: NotKeptReason): void {
  engine.verdicts.set(flight.nearKey, { notKept })
  if (engine.observer.hears('not-kept')) {
    engine.observer.emit('not-kept', { cache: engine.name, key: flight.key, reason: notKept })
  }
}

function put(
  engine: Engine,
  flight: Flight,
  value: unknown,
  kind: EntryKind,
  bytes: number,
  chosenTtlMs: number | undefined,
  lateTags: readonly string[] | undefined,
  loadMs: number,
): NotKeptReason | undefined {
  const { policy } = flight
  const ttlMs = chosenTtlMs ?? (value === null ? (policy.nullTtlMs ?? policy.ttlMs) : policy.ttlMs)
  if (ttlMs === 0) {
    engine.near?.delete(flight.nearKey)
    return 'ttl'
  }
  const tags = lateTags === undefined ? policy.tags : [...new Set([...policy.tags, ...lateTags])]
  if (engine.near === undefined) return undefined
  const entry = makeEntry(engine, flight.scope, { value, kind, bytes, ttlMs, loadMs, tags, policy })
  return engine.near.set(flight.nearKey, entry) ? undefined : 'too-large'
}

/** Tells the waiters of a failed load. What was kept stays; the next try waits for `retryAfterError`. */
export function settleFailure(engine: Engine, load: Load, error: unknown, keepable: boolean): void {
  const now = engine.clock.monotonic()
  for (const flight of load.flights) {
    if (!isFenced(engine, flight, undefined)) {
      const { stale, policy } = flight
      if (
        stale !== undefined &&
        stale.kind !== 'error' &&
        engine.near?.peek(flight.nearKey) === stale
      ) {
        stale.retryAt = Math.trunc(now + policy.retryAfterErrorMs)
      } else if (keepable && policy.errorTtlMs > 0) {
        const bytes = entryBytes(flight.nearKey, 0)
        engine.near?.set(
          flight.nearKey,
          makeEntry(engine, flight.scope, {
            value: error,
            kind: 'error',
            bytes,
            ttlMs: policy.errorTtlMs,
            loadMs: 0,
            tags: policy.tags,
            policy,
          }),
        )
      }
    }
    engine.land(flight)
    flight.reject(error)
    if (load.isBehind) engine.observer.error('refresh', error, flight.key)
  }
}
