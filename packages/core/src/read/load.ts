import { ClosedError, LoadTimeoutError, OverloadError } from '../errors.ts'
import type { LoadEvent, LoadReason } from '../observe/events.ts'
import { said } from '../observe/said.ts'
import type { Bulkhead } from '../resilience/bulkhead.ts'
import { Expiring } from '../resilience/deadlines.ts'
import type { Far } from '../tiers/far.ts'
import type { Engine } from './engine.ts'
import type { Flight } from './flight.ts'
import { settleFailure } from './keep.ts'
import { callLoader } from './loader-call.ts'
import type { Context, ContextSource } from './loader-context.ts'
import { Passage } from './passage.ts'
import { leastPruneAt, type Waiting } from './wait-graph.ts'

/** Calls the user's loader; for many keys it is called once with those that are missing. */
export type Run = (context: Context) => unknown

/**
 * What one or more keys are loaded by: from their claim to the answer of the last, its deadline, and who still waits
 * for it. Its way through the bulkheads is `passage.ts`; `loader-call.ts` calls the loader, and `keep.ts` keeps what it
 * brings.
 */
export class Load extends Expiring implements Waiting, ContextSource {
  readonly engine: Engine
  readonly run: Run
  /** The loader answers for all its keys together. */
  readonly isBatch: boolean
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
  /** Callers that may leave by their signal. */
  #leavers = 0
  /** Somebody waits who cannot leave, or nobody waits at all: the load goes on to its end. */
  #pinned = false
  #behind = false
  /** Its place in `Loading`. */
  seat = 0
  /** Flights that have not landed. */
  #open: number
  /** When its loader was called, last; 0 until it is. */
  calledAt = 0
  #whenEnded: (() => void) | undefined

  constructor(
    engine: Engine,
    flights: readonly Flight[],
    run: Run,
    reason: LoadReason,
    isBatch: boolean,
    startedBy: Load | undefined,
    startedAt: number,
  ) {
    super()
    this.engine = engine
    this.run = run
    this.isBatch = isBatch
    this.flights = flights
    this.#open = flights.length
    this.reason = reason
    this.startedBy = startedBy
    if (startedBy !== undefined) this.#passage = startedBy.lend(this)
    this.startedAt = startedAt
    if (reason === 'stale' || reason === 'early') this.goBehind()
    // By index: here, and wherever every miss comes by, V8 would make an iterator.
    for (let index = 0; index < flights.length; index++) {
      const flight = flights[index] as Flight
      flight.load = this
      engine.takeOff(flight)
    }
  }

  /** Claims the keys where processes share a store, queues for a place in each bulkhead, then calls the loader. Never throws. */
  start(bulkheads: readonly Bulkhead[], loadTimeoutMs: number): void {
    const { far, deadlines, loading } = this.engine
    loading.add(this)
    if (far === undefined || this.flights[0]?.apart) {
      deadlines.addWhenTurnEnds(this, loadTimeoutMs)
      this.queue(bulkheads, this.flights, this.startedAt)
      return
    }
    deadlines.add(this, loadTimeoutMs, this.startedAt)
    this.claim(far, bulkheads)
  }

  claim(far: Far, bulkheads: readonly Bulkhead[]): void {
    far.loads.claim(this, (flights) => this.queue(far.bulkheads(bulkheads), flights))
  }

  // No method here is private: one that is costs each load a field that proves its class.
  queue(
    bulkheads: readonly Bulkhead[],
    flights: readonly Flight[],
    now = this.engine.clock.monotonic(),
  ): void {
    if (bulkheads.length === 0) callLoader(this, flights, now)
    else this.enter(bulkheads, flights)
  }

  enter(bulkheads: readonly Bulkhead[], flights: readonly Flight[]): void {
    this.passage.enter(
      bulkheads,
      flights,
      (part) => callLoader(this, part, this.engine.clock.monotonic()),
      (part) => this.refuse(part),
    )
  }

  lend(to: Load): Passage | undefined {
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

  /** Tells the waiters of these keys of the failure. */
  fail(
    flights: readonly Flight[],
    error: unknown,
    outcome: LoadEvent['outcome'],
    isKeepable = false,
  ): void {
    const ms = this.calledAt === 0 ? 0 : this.engine.clock.monotonic() - this.calledAt
    this.land(flights.length)
    this.engine.far?.keeper.release(flights)
    settleFailure(this.engine, this, flights, error, isKeepable)
    this.tell(flights, outcome, ms, error)
  }

  /** So many flights have an answer, from wherever; with the last of them the load is done. */
  land(flights: number): void {
    this.#open -= flights
    if (this.#open <= 0) this.settle()
  }

  /** What the store had after all, or nothing, where somebody else refreshes what nobody waits for. */
  answered(flight: Flight, own: unknown, shared: unknown): void {
    if (this.settled || flight.settled) return
    flight.fromFar = true
    this.land(1)
    this.engine.land(flight)
    flight.resolve(own, shared)
  }

  /** Those for which the loader has brought nothing yet. */
  get unlanded(): readonly Flight[] {
    return this.flights.filter((flight) => !flight.settled && !flight.isBeingKept)
  }

  /** At `loadTimeout`: the waiters are told, the keys are free at once, and what the loader brings later is dropped. */
  expire(ms: number): void {
    if (this.settled) return
    const error = new LoadTimeoutError(
      `a load took longer than its loadTimeout of ${ms} ms, time in the queue included; raise loadTimeout or make the loader faster`,
    )
    this.engine.counters.loadTimeouts++
    this.fail(this.unlanded, error, 'timeout', true)
    this.controller.abort(error)
  }

  refuse(flights: readonly Flight[]): void {
    this.engine.counters.overloads++
    this.fail(
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
    this.fail(this.unlanded, error, 'aborted')
    this.controller.abort(error)
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
    const ms = this.engine.clock.monotonic() - this.startedAt
    const flights = this.unlanded
    this.settle()
    this.engine.far?.keeper.release(flights)
    for (const flight of flights) {
      flight.voided = true
      this.engine.land(flight)
      // Nobody waits for it any more; whoever asks next finds the key free.
      flight.resolve(undefined, undefined)
    }
    this.tell(flights, 'aborted', ms)
    this.controller.abort(reason)
  }

  settle(): void {
    this.settled = true
    this.engine.deadlines.remove(this)
    this.engine.loading.delete(this)
    // Something that the loader opened may hold its async context, and with it this load, for ever: no chain of loads behind it.
    this.waitsFor = undefined
    this.startedBy = undefined
    this.#passage?.end()
    this.#whenEnded?.()
  }

  tell(
    flights: readonly Flight[],
    outcome: LoadEvent['outcome'],
    durationMs: number,
    error?: unknown,
  ): void {
    const { observer, name } = this.engine
    if (!observer.hearsMisses || !observer.hears('load')) return
    const keys = flights.map((flight) => said(flight.scope, flight.key))
    const failure = error === undefined ? {} : { error }
    const event = { cache: name, keys, reason: this.reason, outcome, durationMs, ...failure }
    observer.emit('load', event)
    observer.tracing?.loadEnded(this, flights, event)
  }

  get abortSignal(): AbortSignal {
    return this.controller.signal
  }

  // Made when a loader takes the signal, or when there is something to tell one that takes it later.
  get controller(): AbortController {
    this.#controller ??= new AbortController()
    return this.#controller
  }

  staleValue(flights: readonly Flight[]): unknown {
    if (!this.isBatch) return this.engine.staleValue(flights[0])
    const values = new Map<string, unknown>()
    for (const flight of flights) {
      const value = this.engine.staleValue(flight)
      if (value !== undefined) values.set(flight.key, value)
    }
    return values
  }
}
