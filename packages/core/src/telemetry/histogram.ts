import type { StoreErrorKind } from '../errors.ts'
import type { CacheEvents, EventName } from '../observe/events.ts'
import type { MeasureName } from '../observe/measuring.ts'
import type { Engine } from '../read/engine.ts'
import { hearMeasures } from './measured.ts'
import { type HistogramMetric, type HistogramName, histograms } from './metrics-table.ts'
import type { Labels } from './readings.ts'

/** One value for a histogram, in its unit. */
export interface Timed {
  readonly histogram: HistogramName
  readonly labels: Labels
  readonly value: number
}

/** The kinds of a `StoreError`; a store of somebody else may say anything, and labels take few values. */
const errorKinds: ReadonlySet<string> = new Set([
  'timeout',
  'unavailable',
  'overloaded',
  'auth',
  'denied',
  'full',
  'read-only',
  'too-large',
  'invalid-key',
  'protocol',
  'closed',
  'unknown',
] satisfies StoreErrorKind[])

/** Of what is measured in milliseconds, and told in seconds. */
const perUnit: Readonly<Record<MeasureName, number>> = {
  claimWait: 1_000,
  busLag: 1_000,
  entrySize: 1,
  command: 1_000,
}

/** What an event says for the histograms. */
function timed<Name extends EventName>(name: Name, event: CacheEvents[Name]): readonly Timed[] {
  if (name === 'load') {
    const { cache, reason, outcome, durationMs } = event as CacheEvents['load']
    const labels = { cache, reason, outcome }
    return [{ histogram: 'loads', labels, value: durationMs / 1_000 }]
  }
  if (name !== 'hit' && name !== 'stale' && name !== 'miss' && name !== 'refreshed') return []
  const { cache, status, tier, durationMs, staleMs } = event as CacheEvents['hit']
  // Some hits of memory take the long way and most do not: neither is timed.
  if (tier === 'near' && status === 'hit') return []
  const labels = { cache, outcome: status, tier: tier ?? 'none' }
  const request: Timed = { histogram: 'requests', labels, value: durationMs / 1_000 }
  return staleMs === undefined
    ? [request]
    : [request, { histogram: 'staleAge', labels: { cache }, value: staleMs / 1_000 }]
}

/** Hears of each value of a cache until the returned function is called; `whenClosed` is called when the cache closes. */
export function hearTimes(
  engine: Engine,
  hear: (timed: Timed) => void,
  whenClosed?: () => void,
): () => void {
  const { observer, name: cache } = engine
  const ends = [
    observer.tap((name, event) => {
      for (const each of timed(name, event)) hear(each)
    }, whenClosed),
    hearMeasures(observer, (histogram, value, labels) => {
      const type = labels?.['error.type']
      const isOdd = type !== undefined && !errorKinds.has(type)
      const own = isOdd ? { ...labels, 'error.type': 'unknown' } : labels
      hear({ histogram, labels: { cache, ...own }, value: value / perUnit[histogram] })
    }),
  ]
  return () => {
    for (const end of ends) end()
  }
}

/** Values of one kind, by fixed buckets. */
export interface Series {
  readonly labels: Labels
  /** How many fell into each bucket, the last being for those above all bounds; not added up. */
  readonly counts: number[]
  sum: number
  count: number
}

/** The histograms of one cache since they were first asked for. */
export class Histograms {
  readonly #series = new Map<HistogramName, Map<string, Series>>()

  note({ histogram, labels, value }: Timed): void {
    const { buckets }: HistogramMetric = histograms[histogram]
    let all = this.#series.get(histogram)
    if (all === undefined) {
      all = new Map()
      this.#series.set(histogram, all)
    }
    // Of each label there are few values, so of each histogram few series.
    const id = Object.values(labels).join('\n')
    let series = all.get(id)
    if (series === undefined) {
      series = { labels, counts: Array<number>(buckets.length + 1).fill(0), sum: 0, count: 0 }
      all.set(id, series)
    }
    const found = buckets.findIndex((bound) => value <= bound)
    const bucket = found === -1 ? buckets.length : found
    series.counts[bucket] = (series.counts[bucket] ?? 0) + 1
    series.sum += value
    series.count++
  }

  of(histogram: HistogramName): Iterable<Series> {
    return this.#series.get(histogram)?.values() ?? []
  }
}

const kept = new WeakMap<Engine, Histograms>()

/** The histograms of a cache, which begin with the first question for them. */
export function histogramsOf(engine: Engine): Histograms {
  const there = kept.get(engine)
  if (there !== undefined) return there
  const own = new Histograms()
  kept.set(engine, own)
  hearTimes(engine, (each) => own.note(each))
  return own
}
