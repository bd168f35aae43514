import type { Entry } from '../entry/entry.ts'
import type { Scope } from '../invalidation/scope.ts'
import type { LoadReason } from '../observe/events.ts'
import type { EntryPolicy } from '../options/entry-policy.ts'
import type { Bulkhead } from '../resilience/bulkhead.ts'
import { type Engine, nearKeyOf } from './engine.ts'
import { Flight } from './flight.ts'
import { Load, loadAsking, type Run } from './load.ts'
import { countAnswer, countLoaded, type Wait } from './outcome.ts'
import { plan, spendEarlyRefresh } from './plan.ts'
import { orStaleAfter } from './soft-timeout.ts'
import { waitFor } from './wait-graph.ts'
import { joinFlight, untilAborted } from './waiter.ts'

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
  const { scope, key, policy } = call
  const nearKey = nearKeyOf(scope, key)
  const now = engine.clock.monotonic()
  const entry = scope.isOff ? undefined : engine.lookup(scope, nearKey, now)
  const next = plan(entry, policy.refresh, now)
  if (entry === undefined || next === 'load') {
    const reason = policy.refresh ? 'refresh' : 'miss'
    const wait = load(engine, call, nearKey, entry, reason, now)
    countLoaded(engine, 'wrap', wait, entry === undefined ? 'miss' : 'refreshed')
    return wait.answer
  }
  if (next === 'load-or-stale') {
    const wait = load(engine, call, nearKey, entry, policy.refresh ? 'refresh' : 'miss', now)
    return orStaleAfter(engine, policy, 'wrap', entry, wait)
  }
  if (next === 'hit-and-refresh') refreshBehind(engine, call, nearKey, entry, 'early')
  if (next === 'stale-and-refresh') refreshBehind(engine, call, nearKey, entry, 'stale')
  countAnswer(
    engine,
    'wrap',
    key,
    next === 'stale' || next === 'stale-and-refresh' ? 'stale' : 'hit',
    now,
  )
  return engine.hand(entry)
}

/** Joins the load of the key that is under way, or starts one. */
function load(
  engine: Engine,
  call: WrapCall,
  nearKey: string,
  stale: Entry | undefined,
  reason: LoadReason,
  since: number,
): Wait {
  const { scope, key, policy } = call
  const { signal } = policy
  const wait = (answer: Promise<unknown>, load: Load | undefined, coalesced: boolean): Wait => ({
    key,
    answer,
    load,
    coalesced,
    since,
  })
  if (signal?.aborted) return wait(Promise.reject(signal.reason), undefined, false)
  try {
    const joined = scope.isOff ? undefined : engine.joinable(scope, nearKey)
    const asking = loadAsking()
    if (joined !== undefined) {
      if (asking !== undefined) {
        waitFor(asking, joined.load, key)
        joined.load.borrowFrom(asking)
      }
      const answer = joinFlight(engine, joined, () => wrap(engine, call))
      return wait(untilAborted(answer, [joined.load], signal), joined.load, true)
    }
    asking?.refuseCircle(scope, key)
    const flight = new Flight(scope, key, nearKey, policy, engine.fence.seq, stale)
    const started = new Load(engine, [flight], call.run, reason, false, asking)
    if (asking !== undefined) waitFor(asking, started, key)
    const answer = untilAborted(flight.own, [started], signal)
    started.start(call.bulkheads, policy.loadTimeoutMs)
    return wait(answer, started, false)
  } catch (error) {
    return wait(Promise.reject(error), undefined, false)
  }
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
    const flight = new Flight(scope, call.key, nearKey, policy, engine.fence.seq, stale)
    new Load(engine, [flight], call.run, reason, false, undefined).start(
      call.bulkheads,
      policy.loadTimeoutMs,
    )
  })
}
