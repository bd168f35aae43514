import { ClosedError, LoadTimeoutError, OverloadError } from '../errors.ts'
import type { Scope } from '../invalidation/scope.ts'
import type { LoadEvent, LoadReason } from '../observe/events.ts'
import { said } from '../observe/said.ts'
import type { Bulkhead } from '../resilience/bulkhead.ts'
import { Expiring } from '../resilience/deadlines.ts'
import type { Far } from '../tiers/far.ts'
import type { Engine } from './engine.ts'
import type { Flight } from './flight.ts'
import { conclude, type Decision, decide, settleFailure, valuesOf } from './keep.ts'
import { Context, type ContextSource, NotModified } from './loader-context.ts'
import { Passage } from './passage.ts'
import { currentLoad, leastPruneAt, reentrant, runAs, type Waiting } from './wait-graph.ts'

/** Calls the user's loader; for many keys it is called once with those that are missing. */
export type Run = (context: Context) => unknown

/**
 * One run of a loader for one or more keys: its deadline, its abort signal, and who still waits for it. Its way
 * through the bulkheads is `passage.ts`, and what it brings home is kept by `keep.ts`.
 */
export class Load extends Expiring implements Waiting, ContextSource {
  readonly #engine: Engine
  readonly #run: Run
  readonly #batch: boolean
  readonly flights: readonly Flight[]
  readonly reason: LoadReason
  readonly startedAt: number
  startedBy: Load | undefined
  waitsFor: Set<Waiting> | undefined = undefined
  pruneAt = leastPruneAt
  settled = false
  /** Its way through its bulkheads; most loads have none. */
  #passage: Passage | undefined
  #controller: AbortController | undefined
  #abortReason: unknown
  #aborted = false
  /** Callers that may leave by their signal. */
  #leavers = 0
  /** Somebody waits who cannot leave, or nobody waits at all: the load goes on to its end. */
  #pinned = false
  #behind = false
  /** Its place in `Loading`. */
  seat = 0
  /** Flights that have not landed. */
  #open: number
  #calledAt = 0

  constructor(
    engine: Engine,
    flights: readonly Flight[],
    run: Run,
    reason: LoadReason,
    batch: boolean,
    startedBy: Load | undefined,
    startedAt: number,
  ) {
    super()
    this.#engine = engine
    this.#run = run
    this.#batch = batch
    this.flights = flights
    this.#open = flights.length
    this.reason = reason
    this.startedBy = startedBy
    if (startedBy !== undefined) this.#passage = startedBy.#lend(this)
    this.startedAt = startedAt
    if (reason === 'stale' || reason === 'early') this.goBehind()
    for (const flight of flights) {
      flight.load = this
      engine.takeOff(flight)
    }
  }

  /** Claims the keys where processes share a store, queues for a place in each bulkhead, then calls the loader. Never throws. */
  start(bulkheads: readonly Bulkhead[], loadTimeoutMs: number): void {
    const { far, deadlines, loading } = this.#engine
    loading.add(this)
    if (far === undefined || this.flights[0]?.apart) {
      deadlines.addWhenTurnEnds(this, loadTimeoutMs)
      this.#queue(bulkheads, this.flights, this.startedAt)
      return
    }
    deadlines.add(this, loadTimeoutMs, this.startedAt)
    far.loads.claim(this, (flights) => this.#queue(far.bulkheads(bulkheads), flights))
  }

  #queue(bulkheads: readonly Bulkhead[], flights: readonly Flight[], now?: number): void {
    if (bulkheads.length === 0) {
      this.#call(flights, now)
      return
    }
    this.passage.enter(
      bulkheads,
      flights,
      (part) => this.#call(part),
      (part) => this.#overloaded(part),
    )
  }

  #lend(to: Load): Passage | undefined {
    return this.#passage === undefined ? undefined : new Passage(to, this.#passage)
  }

  get passage(): Passage {
    this.#passage ??= new Passage(this, undefined)
    return this.#passage
  }

  /** Another load has come to wait for this one, and lends it the places it holds. */
  borrowFrom(asking: Load): void {
    if (asking.#passage !== undefined) this.passage.borrowFrom(asking.#passage)
  }

  #whenEnded: (() => void) | undefined

  /** Resolves when the load is done, however it ends. */
  ended(): Promise<void> {
    if (this.settled) return Promise.resolve()
    return new Promise((resolve) => {
      const before = this.#whenEnded
      this.#whenEnded = () => {
        before?.()
        resolve()
      }
    })
  }

  #call(flights: readonly Flight[], now = this.#engine.clock.monotonic()): void {
    this.#engine.counters.loads++
    this.#calledAt = now
    for (const flight of flights) flight.called = true
    const context = new Context(this, flights)
    let result: unknown
    let isThenable: boolean
    try {
      result =
        this.#engine.observer.tracing === undefined
          ? runAs(this, this.#run, context)
          : this.#runTraced(flights, context)
      // Asked inside: what a loader returned may throw when it is looked at.
      isThenable =
        ((typeof result === 'object' && result !== null) || typeof result === 'function') &&
        'then' in result
    } catch (error) {
      this.#failed(error, context)
      return
    }
    if (isThenable) {
      // Promise.resolve tames thenables that call back twice, or throw while they do.
      Promise.resolve(result).then(
        (value) => this.#loaded(value, context),
        (error: unknown) => this.#failed(error, context),
      )
    } else {
      this.#loaded(result, context)
    }
  }

  // Apart, so that its closure costs nothing where nobody draws spans.
  #runTraced(flights: readonly Flight[], context: Context): unknown {
    const run = () => runAs(this, this.#run, context)
    const { tracing } = this.#engine.observer
    return tracing === undefined ? run() : tracing.load(this, flights, this.reason, run)
  }

  #loaded(loaded: unknown, context: Context): void {
    if (this.settled) return
    const { flights } = context
    const now = this.#engine.loadedAt
    const loadMs = now - this.#calledAt
    let values: readonly unknown[] | undefined
    try {
      if (this.#batch) values = valuesOf(flights, loaded)
    } catch (error) {
      this.#engine.counters.loadErrors++
      this.#fail(flights, error, 'error')
      return
    }
    // One after the other and without closures: of most misses there is one, and it is on its way to a caller.
    const decisions: Decision[] = []
    for (const flight of flights) {
      const value = values === undefined ? loaded : values[decisions.length]
      decisions.push(decide(this.#engine, flight, value, context, loadMs))
    }
    const { far } = this.#engine
    if (far === undefined || flights[0]?.apart) this.#conclude(flights, decisions, now, loadMs)
    else this.#keepAfar(far, flights, decisions, loadMs)
  }

  #conclude(
    flights: readonly Flight[],
    decisions: readonly Decision[],
    now: number,
    loadMs: number,
  ): void {
    this.#landed(flights)
    let fenced = false
    for (let index = 0; index < flights.length; index++) {
      const flight = flights[index] as Flight
      if (conclude(this.#engine, flight, decisions[index] as Decision, now)) fenced = true
    }
    this.#tell(flights, fenced ? 'fenced' : 'ok', loadMs)
  }

  #keepAfar(
    far: Far,
    flights: readonly Flight[],
    decisions: readonly Decision[],
    loadMs: number,
  ): void {
    for (const flight of flights) flight.isBeingKept = true
    // The loader is done in time; what the store takes is bounded by itself. Other keys may still wait for theirs.
    if (this.#unlanded.length === 0) this.#engine.deadlines.remove(this)
    void far.keeper.keep(flights, decisions).then((fenced) => {
      this.#landed(flights)
      this.#tell(flights, fenced ? 'fenced' : 'ok', loadMs)
    })
  }

  #failed(error: unknown, context: Context): void {
    if (error instanceof NotModified && error.context === context) {
      this.#loaded(error, context)
      return
    }
    if (this.settled) return
    this.#engine.counters.loadErrors++
    this.#fail(context.flights, error, 'error', true)
  }

  #fail(
    flights: readonly Flight[],
    error: unknown,
    outcome: LoadEvent['outcome'],
    keepable = false,
  ): void {
    const ms = this.#calledAt === 0 ? 0 : this.#engine.clock.monotonic() - this.#calledAt
    this.#landed(flights)
    this.#engine.far?.keeper.release(flights)
    settleFailure(this.#engine, this, flights, error, keepable)
    this.#tell(flights, outcome, ms, error)
  }

  /** Flights that have an answer, from wherever; with the last of them the load is done. */
  #landed(flights: readonly Flight[]): void {
    this.#open -= flights.length
    if (this.#open <= 0) this.#settle()
  }

  /** What the store had after all, or nothing, where somebody else refreshes what nobody waits for. */
  answered(flight: Flight, own: unknown, shared: unknown): void {
    if (this.settled || flight.settled) return
    flight.fromFar = true
    this.#landed([flight])
    this.#engine.land(flight)
    flight.resolve(own, shared)
  }

  get #unlanded(): readonly Flight[] {
    return this.flights.filter((flight) => !flight.settled && !flight.isBeingKept)
  }

  /** At `loadTimeout`: the waiters are told, the keys are free at once, and what the loader brings later is dropped. */
  expire(ms: number): void {
    if (this.settled) return
    const error = new LoadTimeoutError(
      `a load took longer than its loadTimeout of ${ms} ms, time in the queue included; raise loadTimeout or make the loader faster`,
    )
    this.#engine.counters.loadTimeouts++
    this.#fail(this.#unlanded, error, 'timeout', true)
    this.#abort(error)
  }

  #overloaded(flights: readonly Flight[]): void {
    this.#engine.counters.overloads++
    this.#fail(
      flights,
      new OverloadError(
        'too many loads are waiting for their turn; raise resilience.loadConcurrency or resilience.loadQueue, or serve stale values with staleIfError',
      ),
      'error',
    )
  }

  /** When the cache closes before the loader is done. */
  close(): void {
    if (this.settled) return
    const error = new ClosedError('the cache was closed while the value was being loaded')
    this.#fail(this.#unlanded, error, 'aborted')
    this.#abort(error)
  }

  /** A caller waits that cannot leave. */
  pin(): void {
    this.#pinned = true
  }

  /** A caller was answered without it: whoever else leaves, it goes on to its end, and tells of its failure itself. */
  goBehind(): void {
    this.#behind = true
    this.#pinned = true
  }

  get isBehind(): boolean {
    return this.#behind
  }

  /** A caller waits that may leave by its signal. */
  board(): void {
    this.#leavers++
  }

  /** That caller has left. Once all have, the load is aborted and its keys are free. */
  leave(reason: unknown): void {
    this.#leavers--
    if (this.settled || this.#pinned || this.#leavers > 0) return
    const ms = this.#engine.clock.monotonic() - this.startedAt
    const flights = this.#unlanded
    this.#settle()
    this.#engine.far?.keeper.release(flights)
    for (const flight of flights) {
      flight.voided = true
      this.#engine.land(flight)
      // Nobody waits for it any more; whoever asks next finds the key free.
      flight.resolve(undefined, undefined)
    }
    this.#tell(flights, 'aborted', ms)
    this.#abort(reason)
  }

  #settle(): void {
    this.settled = true
    this.#engine.deadlines.remove(this)
    this.#engine.loading.delete(this)
    // Something that the loader opened may hold its async context, and with it this load, for ever: no chain of loads behind it.
    this.waitsFor = undefined
    this.startedBy = undefined
    this.#passage?.end()
    this.#whenEnded?.()
  }

  #abort(reason: unknown): void {
    this.#aborted = true
    this.#abortReason = reason
    this.#controller?.abort(reason)
  }

  #tell(
    flights: readonly Flight[],
    outcome: LoadEvent['outcome'],
    durationMs: number,
    error?: unknown,
  ): void {
    const { observer, name } = this.#engine
    if (!observer.hearsLoads) return
    const keys = flights.map((flight) => said(flight.scope, flight.key))
    const failure = error === undefined ? {} : { error }
    const event = { cache: name, keys, reason: this.reason, outcome, durationMs, ...failure }
    observer.emit('load', event)
    observer.tracing?.loadEnded(this, flights, event)
  }

  /**
   * A loader that asks for its own key would start itself again without end wherever its first flight cannot be
   * joined: after a delete, or while the cache is off.
   * @throws ReentrantLoadError
   */
  refuseCircle(scope: Scope, key: string): void {
    for (
      let load: Load | undefined = this;
      load !== undefined && !load.settled;
      load = load.startedBy
    ) {
      if (load.flights.some((flight) => flight.key === key && flight.scope === scope))
        throw reentrant(key)
    }
  }

  get abortSignal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController()
      if (this.#aborted) this.#controller.abort(this.#abortReason)
    }
    return this.#controller.signal
  }

  staleValue(flights: readonly Flight[]): unknown {
    if (!this.#batch) return this.#engine.staleValue(flights[0])
    const values = new Map<string, unknown>()
    for (const flight of flights) {
      const value = this.#engine.staleValue(flight)
      if (value !== undefined) values.set(flight.key, value)
    }
    return values
  }
}

/** The load from inside whose loader the present call comes, if one is and is still awaited. */
export function loadAsking(): Load | undefined {
  const asking = currentLoad()
  return asking instanceof Load ? asking : undefined
}
