import type { Cache } from '../cache.ts'
import { InvalidOptionError } from '../errors.ts'
import type { OutcomeEvent } from '../observe/events.ts'
import { unmet } from '../options/expectation.ts'
import { refuseUnknownNames } from '../options/known-names.ts'
import { readObject } from '../options/readers.ts'
import type { Engine } from '../read/engine.ts'
import { hearTimes } from './histogram.ts'
import { engineOf, follow } from './insight.ts'
import { type HistogramName, histograms, type MetricName, metrics } from './metrics-table.ts'
import type { HistogramLike, MeterLike, ObserverLike, TracerLike } from './open-telemetry.ts'
import { readingsOf } from './readings.ts'
import { type NamedSessions, sessionReadings } from './session-readings.ts'
import { Spans } from './spans.ts'

/** What `instrument` reports to; one of them at least. */
export interface Instruments {
  /** From `metrics.getMeter('…')` of `@opentelemetry/api`. */
  readonly meter?: MeterLike | undefined
  /** From `trace.getTracer('…')`. */
  readonly tracer?: TracerLike | undefined
  /** What `createSessions` made, by a name for each, for the meter. Name each beside one cache only. */
  readonly sessions?: NamedSessions | undefined
}

/**
 * Reports a cache, with its namespaces and servers, to OpenTelemetry until the returned function is called. Numbers are
 * read when the meter collects. Spans are `holdfast.wrap`, `holdfast.wrap_many` and, inside, `holdfast.load`; a hit
 * that memory answers at once has none and is as fast as without. Nothing that is reported holds a key, a tag or a value.
 * @throws InvalidOptionError without a meter or tracer, and for a second tracer of one cache.
 */
export function instrument(cache: Cache, instruments: Instruments): () => void {
  const engine = engineOf(cache, 'instrument')
  readObject(instruments, 'instrument(cache, instruments)')
  refuseUnknownNames(instruments, ['meter', 'tracer', 'sessions'], 'instrument')
  const { meter, tracer, sessions = {} } = instruments
  if (meter === undefined && tracer === undefined) {
    throw new InvalidOptionError(
      'instrument(cache, { meter, tracer }) needs one of them; metrics.getMeter and trace.getTracer of @opentelemetry/api make them',
    )
  }
  for (const [name, made, method] of [
    ['meter', meter, 'createHistogram'],
    ['tracer', tracer, 'startActiveSpan'],
  ] as const) {
    const has = made as Partial<Record<string, unknown>> | null | undefined
    if (has !== undefined && typeof has?.[method] !== 'function')
      throw unmet(name, `a ${name} of @opentelemetry/api, which has ${method}`, made)
  }
  if (tracer !== undefined && engine.observer.tracing !== undefined) {
    throw new InvalidOptionError(
      `cache '${engine.name}' has a tracer already; call what instrument returned before giving it another`,
    )
  }
  const ends: (() => void)[] = []
  if (meter !== undefined) {
    const durations = durationsOf(meter)
    ends.push(
      reportNumbers(cache, sessions, meter),
      follow(cache, 'instrument', (behind, again) => reportDurations(behind, durations, again)),
    )
  }
  if (tracer !== undefined)
    ends.push(follow(cache, 'instrument', (behind, again) => drawSpans(behind, tracer, again)))
  return () => {
    for (const end of ends.splice(0)) end()
  }
}

function reportNumbers(cache: Cache, sessions: NamedSessions, meter: MeterLike): () => void {
  const instruments = new Map<MetricName, never>()
  for (const id of Object.keys(metrics) as MetricName[]) {
    const { name, kind, unit, help } = metrics[id]
    const options = { unit, description: help }
    const made =
      kind === 'counter'
        ? meter.createObservableCounter(name, options)
        : meter.createObservableGauge(name, options)
    instruments.set(id, made as never)
  }
  const collect = (observer: ObserverLike) => {
    const readings = [...readingsOf(engineOf(cache, 'instrument')), ...sessionReadings(sessions)]
    for (const { metric, value, labels } of readings) {
      const instrument = instruments.get(metric)
      if (instrument !== undefined) observer.observe(instrument, value, attributesOf(labels))
    }
  }
  const all = [...instruments.values()]
  meter.addBatchObservableCallback(collect, all)
  return () => meter.removeBatchObservableCallback(collect, all)
}

type Durations = Readonly<Record<HistogramName, HistogramLike>>

function durationsOf(meter: MeterLike): Durations {
  const make = ({ name, unit, help, buckets }: (typeof histograms)[HistogramName]) =>
    meter.createHistogram(name, {
      unit,
      description: help,
      advice: { explicitBucketBoundaries: [...buckets] },
    })
  const made = Object.entries(histograms).map(([id, metric]) => [id, make(metric)] as const)
  return Object.fromEntries(made) as Record<HistogramName, HistogramLike>
}

function reportDurations(engine: Engine, durations: Durations, again: () => void): () => void {
  return hearTimes(
    engine,
    ({ histogram, value, labels }) => durations[histogram].record(value, attributesOf(labels)),
    again,
  )
}

function drawSpans(engine: Engine, tracer: TracerLike, again: () => void): () => void {
  const { observer } = engine
  const spans = new Spans(tracer, engine.name)
  observer.tracing = spans
  const end = observer.tap((name, event) => {
    if (name === 'hit' || name === 'stale' || name === 'miss' || name === 'refreshed')
      spans.answered(event as OutcomeEvent)
  }, again)
  return () => {
    end()
    if (observer.tracing === spans) observer.tracing = undefined
  }
}

/** Labels under the names that OpenTelemetry's conventions ask for: theirs as they are, ours in a room of their own. */
function attributesOf(labels: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(labels).map(([name, value]) => [
      name.includes('.') ? name : `holdfast.${name}`,
      value,
    ]),
  )
}
