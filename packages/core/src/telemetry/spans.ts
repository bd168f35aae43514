import { AsyncLocalStorage } from 'node:async_hooks'
import type { LoadEvent, LoadReason, OutcomeEvent } from '../observe/events.ts'
import type { Tracing } from '../observe/tracing.ts'
import {
  errorStatus,
  internalSpan,
  type LinkLike,
  type SpanLike,
  type TracerLike,
} from './open-telemetry.ts'

/** As many as OpenTelemetry keeps of one span by default. */
const mostLinks = 128

/** A call that a span is drawn around, and how its keys were answered. */
interface TracedCall {
  readonly span: SpanLike
  readonly outcomes: Map<OutcomeEvent['status'], number>
  tier: OutcomeEvent['tier']
  coalesced: boolean
  staleMs?: number
}

/**
 * Spans around calls and loads. What a loader does is inside the span of its load, and that inside the span of the call
 * that started it; a load behind a caller is a trace of its own. Neither key nor value nor message is in them.
 */
export class Spans implements Tracing {
  readonly #tracer: TracerLike
  readonly #cache: string
  readonly #calls = new AsyncLocalStorage<TracedCall>()
  /** Of a load those that have not ended, by the flights that the loader was called for. */
  readonly #loads = new WeakMap<object, Map<readonly unknown[], SpanLike>>()
  /** Of a load that other calls wait for, how to point at their spans; the first ones. */
  readonly #waiters = new WeakMap<object, LinkLike[]>()

  constructor(tracer: TracerLike, cache: string) {
    this.#tracer = tracer
    this.#cache = cache
  }

  call<T>(operation: 'wrap' | 'wrapMany', keys: number, run: () => Promise<T>): Promise<T> {
    const attributes = { 'holdfast.cache': this.#cache, 'holdfast.keys': keys }
    const name = operation === 'wrap' ? 'holdfast.wrap' : 'holdfast.wrap_many'
    return this.#tracer.startActiveSpan(name, { kind: internalSpan, attributes }, (span) => {
      const call: TracedCall = { span, outcomes: new Map(), tier: undefined, coalesced: false }
      const answer = this.#calls.run(call, run)
      answer.then(
        () => endCall(call, operation),
        (error: unknown) => {
          failed(span, error)
          endCall(call, operation)
        },
      )
      return answer
    })
  }

  /** A key of the present call was answered. */
  answered({ status, tier, coalesced, staleMs }: OutcomeEvent): void {
    const call = this.#calls.getStore()
    if (call === undefined) return
    call.outcomes.set(status, (call.outcomes.get(status) ?? 0) + 1)
    call.tier = tier
    call.coalesced ||= coalesced
    if (staleMs !== undefined) call.staleMs = Math.max(staleMs, call.staleMs ?? 0)
  }

  /** The load belongs to another call's trace: its span points at those that wait for it. */
  joined(load: object): void {
    const context = this.#calls.getStore()?.span.spanContext?.()
    if (context === undefined) return
    const waiters = this.#waiters.get(load) ?? []
    if (waiters.length >= mostLinks) return
    this.#waiters.set(load, waiters)
    const link = { context }
    waiters.push(link)
    for (const span of this.#loads.get(load)?.values() ?? []) span.addLink?.(link)
  }

  load<T>(load: object, flights: readonly unknown[], reason: LoadReason, run: () => T): T {
    const attributes = {
      'holdfast.cache': this.#cache,
      'holdfast.reason': reason,
      'holdfast.keys': flights.length,
    }
    // Of those that came while it waited for its turn.
    const links = [...(this.#waiters.get(load) ?? [])]
    const options = { kind: internalSpan, attributes, links }
    return this.#tracer.startActiveSpan('holdfast.load', options, (span) => {
      let open = this.#loads.get(load)
      if (open === undefined) {
        open = new Map()
        this.#loads.set(load, open)
      }
      open.set(flights, span)
      return run()
    })
  }

  loadEnded(load: object, flights: readonly unknown[], { outcome, error }: LoadEvent): void {
    const open = this.#loads.get(load)
    if (open === undefined) return
    // One that timed out, or was left by everybody, ends with all that it was still loading.
    const ended = open.has(flights) ? [flights] : [...open.keys()]
    for (const each of ended) {
      const span = open.get(each)
      open.delete(each)
      span?.setAttribute('holdfast.outcome', outcome)
      if (span !== undefined && (outcome === 'error' || outcome === 'timeout')) failed(span, error)
      span?.end()
    }
  }
}

function endCall(
  { span, outcomes, tier, coalesced, staleMs }: TracedCall,
  operation: string,
): void {
  const [only] = outcomes.keys()
  if (operation === 'wrap' && only !== undefined) span.setAttribute('holdfast.outcome', only)
  else
    for (const [status, count] of outcomes) span.setAttribute(`holdfast.outcome.${status}`, count)
  if (operation === 'wrap' && tier !== undefined) span.setAttribute('holdfast.tier', tier)
  span.setAttribute('holdfast.coalesced', coalesced)
  if (staleMs !== undefined) span.setAttribute('holdfast.stale.age_ms', Math.round(staleMs))
  span.end()
}

/** What kind of error it was; what it said may be anything. */
function failed(span: SpanLike, error: unknown): void {
  span.setAttribute('error.type', error instanceof Error ? error.name : typeof error)
  span.setStatus({ code: errorStatus })
}
