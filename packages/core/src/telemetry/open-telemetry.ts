/**
 * The little of OpenTelemetry that is called here, as this package sees it, so that it compiles and runs without
 * `@opentelemetry/api`. A type test holds it to the real one.
 */

export type AttributeValue = string | number | boolean
export type Attributes = Record<string, AttributeValue>

export interface InstrumentOptions {
  readonly description?: string
  readonly unit?: string
  advice?: { explicitBucketBoundaries?: number[] }
}

export interface HistogramLike {
  record(value: number, attributes?: Attributes): void
}

/** What a collection hands over to whoever observes. */
export interface ObserverLike {
  observe(instrument: never, value: number, attributes?: Attributes): void
}

export interface MeterLike {
  createHistogram(name: string, options?: InstrumentOptions): HistogramLike
  createObservableCounter(name: string, options?: InstrumentOptions): object
  createObservableGauge(name: string, options?: InstrumentOptions): object
  addBatchObservableCallback(callback: (observer: ObserverLike) => void, instruments: never[]): void
  removeBatchObservableCallback(
    callback: (observer: ObserverLike) => void,
    instruments: never[],
  ): void
}

/** Where a span is, for whoever points at it. */
export interface SpanContextLike {
  readonly traceId: string
  readonly spanId: string
  readonly traceFlags: number
}

export interface LinkLike {
  readonly context: SpanContextLike
}

export interface SpanLike {
  /** Tracers of before OpenTelemetry 1.9 have no links of later; then there are none. */
  addLink?(link: LinkLike): unknown
  spanContext?(): SpanContextLike
  setAttribute(name: string, value: AttributeValue): unknown
  setStatus(status: { code: number; message?: string }): unknown
  end(): void
}

export interface TracerLike {
  startActiveSpan<T>(
    name: string,
    options: { kind?: number; attributes?: Attributes; links?: LinkLike[] },
    run: (span: SpanLike) => T,
  ): T
}

/** `SpanKind.INTERNAL`. */
export const internalSpan = 0
/** `SpanStatusCode.ERROR`. */
export const errorStatus = 2
