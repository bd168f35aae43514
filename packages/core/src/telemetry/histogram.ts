import type { CacheEvents, EventName } from '../observe/events.ts'
import type { Engine } from '../read/engine.ts'
import { type HistogramName, secondBuckets } from './metrics-table.ts'
import type { Labels } from './readings.ts'

/** Durations of one kind, by fixed buckets. */
export interface Series {
  readonly labels: Labels
  /** How many fell into each bucket, the last being for those above all bounds; not added up. */
  readonly counts: number[]
  sum: number
  count: number
}

/** The labels that an event is timed under, and the seconds it took; `undefined` for what is not timed. */
export function timed<Name extends EventName>(
  name: Name,
  event: CacheEvents[Name],
):
  | { readonly histogram: HistogramName; readonly labels: Labels; readonly seconds: number }
  | undefined {
  if (name === 'load') {
    const { cache, reason, outcome, durationMs } = event as CacheEvents['load']
    return { histogram: 'loads', labels: { cache, reason, outcome }, seconds: durationMs / 1_000 }
  }
  if (name !== 'hit' && name !== 'stale' && name !== 'miss' && name !== 'refreshed')
    return undefined
  const { cache, status, tier, durationMs } = event as CacheEvents['hit']
  // Some hits of memory take the long way and most do not: neither is timed.
  if (tier === 'near' && status === 'hit') return undefined
  const labels = { cache, outcome: status, tier: tier ?? 'none' }
  return { histogram: 'requests', labels, seconds: durationMs / 1_000 }
}

/** The durations of one cache since they were first asked for. */
export class Histograms {
  readonly #series: Readonly<Record<HistogramName, Map<string, Series>>> = {
    requests: new Map(),
    loads: new Map(),
  }

  note(histogram: HistogramName, labels: Labels, seconds: number): void {
    const all = this.#series[histogram]
    // Of each label there are few values, so of each histogram few series.
    const id = Object.values(labels).join('\n')
    let series = all.get(id)
    if (series === undefined) {
      series = { labels, counts: Array<number>(secondBuckets.length + 1).fill(0), sum: 0, count: 0 }
      all.set(id, series)
    }
    const found = secondBuckets.findIndex((bound) => seconds <= bound)
    const bucket = found === -1 ? secondBuckets.length : found
    series.counts[bucket] = (series.counts[bucket] ?? 0) + 1
    series.sum += seconds
    series.count++
  }

  of(histogram: HistogramName): Iterable<Series> {
    return this.#series[histogram].values()
  }
}

const kept = new WeakMap<Engine, Histograms>()

/** The histograms of a cache, which begin with the first question for them. */
export function histogramsOf(engine: Engine): Histograms {
  const there = kept.get(engine)
  if (there !== undefined) return there
  const histograms = new Histograms()
  kept.set(engine, histograms)
  engine.observer.tap((name, event) => {
    const measured = timed(name, event)
    if (measured !== undefined)
      histograms.note(measured.histogram, measured.labels, measured.seconds)
  })
  return histograms
}
