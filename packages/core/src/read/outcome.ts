import type { Entry } from '../entry/entry.ts'
import type { Scope } from '../invalidation/scope.ts'
import type { OutcomeEvent } from '../observe/events.ts'
import { said } from '../observe/said.ts'
import type { Engine } from './engine.ts'
import type { Flight } from './flight.ts'
import type { Load } from './load.ts'

type Operation = OutcomeEvent['operation']

/** A call that waits for a load. It is counted once it is clear whether the load or a stale value answers it. */
export interface Wait {
  readonly scope: Scope
  readonly key: string
  readonly answer: Promise<unknown>
  /** `undefined` if the call failed before it came to a load. */
  readonly load: Load | undefined
  readonly flight: Flight | undefined
  readonly coalesced: boolean
  readonly since: number
}

/** Counts a key that a tier answered. */
export function countAnswer(
  engine: Engine,
  scope: Scope,
  operation: Operation,
  key: string,
  status: 'hit' | 'stale',
  since: number,
  tier: 'near' | 'far' = 'near',
  entry?: Entry,
): void {
  if (status === 'hit') engine.counters.hits++
  else engine.counters.stale++
  if (tier === 'far') engine.counters.farHits++
  tell(engine, scope, operation, key, status, tier, false, since, entry)
}

/** Counts a read that found nothing and loads nothing. */
export function countAbsent(
  engine: Engine,
  scope: Scope,
  operation: 'get' | 'getMany',
  key: string,
  since: number,
): void {
  engine.counters.misses++
  tell(engine, scope, operation, key, 'miss', undefined, false, since)
}

/** Counts a key that a load answers, or has failed to. */
export function countLoaded(
  engine: Engine,
  operation: Operation,
  wait: Wait,
  status: 'miss' | 'refreshed',
): void {
  if (wait.coalesced) engine.counters.coalesced++
  const { far, observer } = engine
  // With a store, a load may end without its loader: another process was faster.
  const afar = far === undefined ? undefined : wait.flight
  if (afar === undefined) engine.counters.misses++
  if (afar !== undefined || status !== 'miss' || observer.hearsMisses)
    tellWhenLoaded(engine, operation, wait, status, afar)
}

function tellWhenLoaded(
  engine: Engine,
  operation: Operation,
  wait: Wait,
  status: 'miss' | 'refreshed',
  afar: Flight | undefined,
): void {
  const { counters } = engine
  const { scope, key, answer, coalesced, since } = wait
  const done = () => {
    const fromFar = afar?.fromFar === true
    if (fromFar) {
      counters.farHits++
      counters.hits++
    } else if (afar !== undefined) counters.misses++
    const [told, tier] = fromFar ? (['hit', 'far'] as const) : ([status, 'origin'] as const)
    tell(engine, scope, operation, key, told, tier, coalesced, since)
  }
  answer.then(done, done)
}

/** The one place where a call's outcome becomes an event; free while nobody listens. */
function tell(
  engine: Engine,
  scope: Scope,
  operation: Operation,
  key: string,
  status: OutcomeEvent['status'],
  tier: OutcomeEvent['tier'],
  coalesced: boolean,
  since: number,
  entry?: Entry,
): void {
  if (!engine.observer.hears(status)) return
  const now = engine.clock.monotonic()
  const durationMs = now - since
  engine.observer.emit(status, {
    cache: engine.name,
    operation,
    key: said(scope, key),
    status,
    tier,
    coalesced,
    durationMs,
    ...(status === 'stale' && entry ? { staleMs: Math.max(0, now - entry.staleAt) } : {}),
  })
}
