import { AsyncLocalStorage } from 'node:async_hooks'
import type { LoadEvent, LoadReason, OutcomeEvent } from '../observe/events.ts'
import type { Tracing } from '../observe/tracing.ts'
import { errorStatus, internalSpan, type SpanLike, type TracerLike } from './open-telemetry.ts'

/** A call that a span is drawn around, and how its keys were answered. */
interface TracedCall {
  readonly span: SpanLike
  readonly outcomes: Map<OutcomeEvent['status'], number>
  tier: OutcomeEvent['tier']
  coalesced: boolean
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
  answered({ status, tier, coalesced }: OutcomeEvent): void {
    const call = this.#calls.getStore()
    if (call === undefined) return
    call.outcomes.set(status, (call.outcomes.get(status) ?? 0) + 1)
    call.tier = tier
    call.coalesced ||= coalesced
  }

  load<T>(load: object, flights: readonly unknown[], reason: LoadReason, run: () => T): T {
    const attributes = {
      'holdfast.cache': this.#cache,
      'holdfast.reason': reason,
      'holdfast.keys': flights.length,
    }
    const options = { kind: internalSpan, attributes }
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

function endCall({ span, outcomes, tier, coalesced }: TracedCall, operation: string): void {
  const [only] = outcomes.keys()
  if (operation === 'wrap' && only !== undefined) span.setAttribute('holdfast.outcome', only)
  else
    for (const [status, count] of outcomes) span.setAttribute(`holdfast.outcome.${status}`, count)
  if (operation === 'wrap' && tier !== undefined) span.setAttribute('holdfast.tier', tier)
  span.setAttribute('holdfast.coalesced', coalesced)
  span.end()
}

/** What kind of error it was; what it said may be anything. */
function failed(span: SpanLike, error: unknown): void {
  span.setAttribute('error.type', error instanceof Error ? error.name : typeof error)
  span.setStatus({ code: errorStatus })
}
