import type { Cache } from '../cache.ts'
import { InvalidOptionError } from '../errors.ts'
import type { OutcomeEvent } from '../observe/events.ts'
import { refuseUnknownNames } from '../options/known-names.ts'
import { readObject } from '../options/readers.ts'
import type { Engine } from '../read/engine.ts'
import { timed } from './histogram.ts'
import { engineOf, follow } from './insight.ts'
import {
  type HistogramName,
  histograms,
  type MetricName,
  metrics,
  secondBuckets,
} from './metrics-table.ts'
import type { HistogramLike, MeterLike, ObserverLike, TracerLike } from './open-telemetry.ts'
import { readingsOf } from './readings.ts'
import { Spans } from './spans.ts'

/** What `instrument` reports to; one of them at least. */
export interface Instruments {
  /** From `metrics.getMeter('…')` of `@opentelemetry/api`. */
  readonly meter?: MeterLike | undefined
  /** From `trace.getTracer('…')`. */
  readonly tracer?: TracerLike | undefined
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
  refuseUnknownNames(instruments, ['meter', 'tracer'], 'instrument')
  const { meter, tracer } = instruments
  if (meter === undefined && tracer === undefined) {
    throw new InvalidOptionError(
      'instrument(cache, { meter, tracer }) needs one of them; metrics.getMeter and trace.getTracer of @opentelemetry/api make them',
    )
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
      reportNumbers(cache, meter),
      follow(cache, 'instrument', (behind, again) => reportDurations(behind, durations, again)),
    )
  }
  if (tracer !== undefined)
    ends.push(follow(cache, 'instrument', (behind, again) => drawSpans(behind, tracer, again)))
  return () => {
    for (const end of ends.splice(0)) end()
  }
}

function reportNumbers(cache: Cache, meter: MeterLike): () => void {
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
    for (const { metric, value, labels } of readingsOf(engineOf(cache, 'instrument'))) {
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
  const make = ({ name, unit, help }: (typeof histograms)[HistogramName]) =>
    meter.createHistogram(name, {
      unit,
      description: help,
      advice: { explicitBucketBoundaries: [...secondBuckets] },
    })
  return { requests: make(histograms.requests), loads: make(histograms.loads) }
}

function reportDurations(engine: Engine, durations: Durations, again: () => void): () => void {
  return engine.observer.tap((name, event) => {
    const measured = timed(name, event)
    if (measured !== undefined)
      durations[measured.histogram].record(measured.seconds, attributesOf(measured.labels))
  }, again)
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

/** Labels under the names that OpenTelemetry's conventions ask for: in a room of their own. */
function attributesOf(labels: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(labels).map(([name, value]) => [`holdfast.${name}`, value]),
  )
}
