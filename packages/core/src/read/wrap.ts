import type { Entry } from '../entry/entry.ts'
import { copyValue } from '../entry/isolate.ts'
import { ClosedError } from '../errors.ts'
import type { Scope } from '../invalidation/scope.ts'
import type { LoadReason } from '../observe/events.ts'
import type { EntryPolicy } from '../options/entry-policy.ts'
import type { Bulkhead } from '../resilience/bulkhead.ts'
import type { Far } from '../tiers/far.ts'
import type { Found } from '../tiers/far-found.ts'
import { loadAsking, refuseCircle } from './asking.ts'
import { type Engine, nearKeyOf } from './engine.ts'
import { Flight } from './flight.ts'
import { Load, type Run } from './load.ts'
import { countAnswer, countLoaded, type Wait } from './outcome.ts'
import { plan, spendEarlyRefresh } from './plan.ts'
import { orStaleAfter } from './soft-timeout.ts'
import { waitFor } from './wait-graph.ts'
import { hasToWait, joinFlight, unlessLeft, untilAborted } from './waiter.ts'

/** One call of `wrap` that the near hit could not answer, checked and with its options resolved. */
export interface WrapCall {
  readonly scope: Scope
  readonly key: string
  readonly run: Run
  readonly policy: EntryPolicy
  /** Bulkheads to pass, outermost first. */
  readonly bulkheads: readonly Bulkhead[]
}

/** The way in, from the lookup to the loader. */
export function wrap(engine: Engine, call: WrapCall): Promise<unknown> {
  const { scope, key } = call
  const nearKey = nearKeyOf(scope, key)
  const { near, far } = engine
  if (scope.isOff) return proceed(engine, call, nearKey, undefined, engine.clock.monotonic())
  if (near === undefined && far !== undefined) {
    // There is nothing to look up by the clock, and the batch has read it.
    if (engine.joinable(scope, nearKey) === undefined) return readFar(engine, far, call, nearKey)
  }
  const kept = near?.get(nearKey)
  if (kept === undefined && far === undefined)
    return proceed(engine, call, nearKey, undefined, engine.missedAt)
  const now = engine.clock.monotonic()
  const entry = kept && engine.ifUsable(scope, nearKey, kept, now)
  if (
    entry !== undefined ||
    far === undefined ||
    hasToWait(engine, scope, nearKey, call.policy.refresh, now)
  ) {
    return proceed(engine, call, nearKey, entry, now)
  }
  return readFar(engine, far, call, nearKey, now)
}

// What needs a closure is a function of its own, here and below: where one is written, V8 makes room for all that it
// captures with every call, and a miss without a store would pay for it.
function readFar(
  engine: Engine,
  far: Far,
  call: WrapCall,
  nearKey: string,
  since?: number,
): Promise<unknown> {
  const { scope, key, policy } = call
  const reading = far.tier.ask(scope, key, nearKey, policy.tags, !policy.refresh)
  const { batch } = reading
  const now = since ?? (batch.isTimed ? engine.clock.monotonic() : batch.begunAt)
  const answer = batch.answered.then(() => {
    if (scope.isClosed) throw new ClosedError('the cache was closed while the value was being read')
    const { value, found } = reading
    if (value !== undefined) {
      countAnswer(engine, scope, 'wrap', key, 'hit', now, 'far')
      return reading.isCopied ? copyValue(value) : value
    }
    if (found.state === 'entry') return proceed(engine, call, nearKey, found.entry, now, found)
    // Somebody else may have loaded it meanwhile: while the store is out, that is the only way to learn of it.
    const near = scope.isOff ? undefined : engine.lookup(scope, nearKey, engine.clock.monotonic())
    return proceed(engine, call, nearKey, near, now, near === undefined ? found : undefined)
  })
  return unlessLeft(answer, policy.signal)
}

/** With what the tiers have: answers with it, or with a load. */
function proceed(
  engine: Engine,
  call: WrapCall,
  nearKey: string,
  entry: Entry | undefined,
  since: number,
): Promise<unknown>
/** The same inside a `then`, where a promise in place of a value would cost two more turns of the microtask queue. */
function proceed(
  engine: Engine,
  call: WrapCall,
  nearKey: string,
  entry: Entry | undefined,
  since: number,
  found: Found | undefined,
): unknown
function proceed(
  engine: Engine,
  call: WrapCall,
  nearKey: string,
  entry: Entry | undefined,
  since: number,
  found?: Found,
): unknown {
  const { key, policy } = call
  const now = found === undefined ? since : instantOf(engine, found)
  const next = plan(entry, policy.refresh, now)
  if (entry === undefined || next === 'load') {
    const reason = policy.refresh ? 'refresh' : 'miss'
    const wait = load(engine, call, nearKey, entry, reason, since, found)
    countLoaded(engine, 'wrap', wait, entry === undefined ? 'miss' : 'refreshed')
    return wait.answer
  }
  if (next === 'load-or-stale') {
    const wait = load(
      engine,
      call,
      nearKey,
      entry,
      policy.refresh ? 'refresh' : 'miss',
      since,
      found,
    )
    return orStaleAfter(engine, policy, 'wrap', entry, wait)
  }
  if (next === 'hit-and-refresh') refreshBehind(engine, call, nearKey, entry, 'early')
  if (next === 'stale-and-refresh') refreshBehind(engine, call, nearKey, entry, 'stale')
  const status = next === 'stale' || next === 'stale-and-refresh' ? 'stale' : 'hit'
  countAnswer(engine, call.scope, 'wrap', key, status, since, found ? 'far' : 'near', entry)
  return found?.state === 'entry' ? engine.valueOf(entry) : engine.hand(entry)
}

/** Of what was answered in one go, each would read the clock once more. A clock that is a moment old would not do: it may be from before an `expire`. */
function instantOf(engine: Engine, found: Found): number {
  return found.state === 'entry' ? found.judgedAt : engine.clock.monotonic()
}

/** Joins the load of the key that is under way, or starts one. */
function load(
  engine: Engine,
  call: WrapCall,
  nearKey: string,
  stale: Entry | undefined,
  reason: LoadReason,
  since: number,
  found: Found | undefined,
): Wait {
  const { scope, key, policy } = call
  const { signal } = policy
  if (signal?.aborted) return waiting(scope, key, since, Promise.reject(signal.reason))
  try {
    const joined = scope.isOff ? undefined : engine.joinable(scope, nearKey)
    const asking = loadAsking()
    if (joined !== undefined)
      return waiting(scope, key, since, join(engine, call, joined, asking), joined, true)
    if (asking !== undefined) refuseCircle(asking, scope, key)
    const flight = new Flight(scope, key, nearKey, policy, engine.fence.seq, stale, since)
    if (found !== undefined) engine.far?.loads.seen(flight, found, since)
    const startedAt = found === undefined ? since : engine.clock.monotonic()
    const started = new Load(engine, [flight], call.run, reason, false, asking, startedAt)
    if (asking !== undefined) waitFor(asking, started, key)
    // Asked for before the load runs, which else would find nobody to answer.
    const answer = untilAborted(flight.own, started, signal)
    started.start(call.bulkheads, policy.loadTimeoutMs)
    return signal === undefined ? flight : waiting(scope, key, since, answer, flight)
  } catch (error) {
    return waiting(scope, key, since, Promise.reject(error))
  }
}

function join(
  engine: Engine,
  call: WrapCall,
  joined: Flight,
  asking: Load | undefined,
): Promise<unknown> {
  if (asking !== undefined) {
    waitFor(asking, joined.load, call.key)
    joined.load.borrowFrom(asking)
  }
  const answer = joinFlight(engine, joined, () => wrap(engine, asJoined(call, joined)))
  return untilAborted(answer, joined.load, call.policy.signal)
}

function waiting(
  scope: Scope,
  key: string,
  since: number,
  answer: Promise<unknown>,
  flight?: Flight,
  coalesced = false,
): Wait {
  return { scope, key, answer, load: flight?.load, flight, coalesced, since }
}

/** A call that joined the load it asked for does not ask for another one, unless nothing came of that load. */
function asJoined(call: WrapCall, joined: Flight): WrapCall {
  return call.policy.refresh && !joined.isFenced
    ? { ...call, policy: { ...call.policy, refresh: false } }
    : call
}

/** Starts a load that nobody waits for, unless one is under way. */
function refreshBehind(
  engine: Engine,
  call: WrapCall,
  nearKey: string,
  stale: Entry,
  reason: 'stale' | 'early',
): void {
  const { scope, policy } = call
  spendEarlyRefresh(stale)
  if (engine.joinable(scope, nearKey) !== undefined) return
  engine.counters.refreshes++
  engine.runInOwnContext(() => {
    const now = engine.clock.monotonic()
    const flight = new Flight(scope, call.key, nearKey, policy, engine.fence.seq, stale, now)
    new Load(engine, [flight], call.run, reason, false, undefined, now).start(
      call.bulkheads,
      policy.loadTimeoutMs,
    )
  })
}
