import type { LoadEvent } from '../observe/events.ts'
import type { Far } from '../tiers/far.ts'
import type { Flight } from './flight.ts'
import { conclude, type Decision, decide, valuesOf } from './keep.ts'
import type { Load } from './load.ts'
import { Context, NotModified } from './loader-context.ts'
import { runAs } from './wait-graph.ts'

/*
 * One call of a loader, for those keys of a load that are loaded together, and what it brings. Of most misses there is
 * one key and one call, on their way to a caller: hence no closure but the two that a promise asks for.
 */

/** Calls the loader and sees to what comes of it. Never throws. */
export function callLoader(load: Load, flights: readonly Flight[], now: number): void {
  load.engine.counters.loads++
  load.calledAt = now
  for (let index = 0; index < flights.length; index++) (flights[index] as Flight).called = true
  const context = new Context(load, flights)
  let result: unknown
  let isThenable: boolean
  try {
    result =
      load.engine.observer.tracing === undefined
        ? runAs(load, load.run, context)
        : runTraced(load, flights, context)
    // Asked inside: what a loader returned may throw when it is looked at.
    isThenable =
      ((typeof result === 'object' && result !== null) || typeof result === 'function') &&
      'then' in result
  } catch (error) {
    failed(load, error, context)
    return
  }
  if (isThenable) whenSettled(load, result, context)
  else loaded(load, result, context)
}

// Apart, as is the next one, so that its closures cost nothing where they are not made.
function whenSettled(load: Load, result: unknown, context: Context): void {
  // Promise.resolve tames thenables that call back twice, or throw while they do.
  Promise.resolve(result).then(
    (value) => loaded(load, value, context),
    (error: unknown) => failed(load, error, context),
  )
}

function runTraced(load: Load, flights: readonly Flight[], context: Context): unknown {
  const run = () => runAs(load, load.run, context)
  const { tracing } = load.engine.observer
  return tracing === undefined ? run() : tracing.load(load, flights, load.reason, run)
}

function loaded(load: Load, value: unknown, context: Context): void {
  if (load.settled) return
  const { engine } = load
  const { flights } = context
  const now = engine.loadedAt
  const loadMs = now - load.calledAt
  let values: readonly unknown[] | undefined
  try {
    if (load.isBatch) values = valuesOf(flights, value)
  } catch (error) {
    engine.counters.loadErrors++
    load.fail(flights, error, 'error')
    return
  }
  const decisions = new Array<Decision>(flights.length)
  for (let index = 0; index < flights.length; index++) {
    const own = values === undefined ? value : values[index]
    decisions[index] = decide(engine, flights[index] as Flight, own, context, loadMs)
  }
  const { far } = engine
  if (far !== undefined && !flights[0]?.apart) {
    keepAfar(load, far, flights, decisions, loadMs)
    return
  }
  load.land(flights.length)
  let outcome: LoadEvent['outcome'] = 'ok'
  for (let index = 0; index < flights.length; index++) {
    if (conclude(engine, flights[index] as Flight, decisions[index] as Decision, now))
      outcome = 'fenced'
  }
  load.tell(flights, outcome, loadMs)
}

function keepAfar(
  load: Load,
  far: Far,
  flights: readonly Flight[],
  decisions: readonly Decision[],
  loadMs: number,
): void {
  for (const flight of flights) flight.isBeingKept = true
  // The loader is done in time; what the store takes is bounded by itself. Other keys may still wait for theirs.
  if (load.unlanded.length === 0) load.engine.deadlines.remove(load)
  void far.keeper.keep(flights, decisions).then((fenced) => {
    load.land(flights.length)
    load.tell(flights, fenced ? 'fenced' : 'ok', loadMs)
  })
}

function failed(load: Load, error: unknown, context: Context): void {
  if (error instanceof NotModified && error.context === context) {
    loaded(load, error, context)
    return
  }
  if (load.settled) return
  load.engine.counters.loadErrors++
  load.fail(context.flights, error, 'error', true)
}
