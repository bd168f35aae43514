import type { Cache } from '../cache.ts'
import { refuseUnknownNames } from '../options/known-names.ts'
import { readObject } from '../options/readers.ts'
import { histogramsOf, type Series } from './histogram.ts'
import { enginesOf } from './insight.ts'
import {
  type HistogramName,
  histograms,
  type MetricName,
  metrics,
  prometheusLabel,
  prometheusName,
} from './metrics-table.ts'
import { type Labels, readingsOf } from './readings.ts'
import { type NamedSessions, sessionReadings } from './session-readings.ts'

/** What a response with `prometheus()` says that it is. */
export const prometheusContentType = 'text/plain; version=0.0.4; charset=utf-8'

/** What is told of beside caches. */
export interface PrometheusSources {
  /** What `createSessions` made, by a name for each. */
  readonly sessions?: NamedSessions | undefined
}

/**
 * The metrics of caches in Prometheus's text format, version 0.0.4
 * (https://prometheus.io/docs/instrumenting/exposition_formats/). It has no registry and waits for nobody: of servers
 * it tells what they said within the last 15 seconds. The first call begins to watch them, and to keep histograms.
 * Labels hold names of caches and servers, never a key, a tag or a value.
 * @throws InvalidOptionError for two caches of one name.
 */
export function prometheus(
  caches: Cache | readonly Cache[],
  beside: PrometheusSources = {},
): string {
  const engines = enginesOf(caches, 'prometheus')
  readObject(beside, 'prometheus(caches, beside)')
  refuseUnknownNames(beside, ['sessions'], 'prometheus')
  const samples = [...engines.flatMap(readingsOf), ...sessionReadings(beside.sessions ?? {})]
  const lines: string[] = []
  for (const id of Object.keys(metrics) as MetricName[]) {
    const own = samples.filter((sample) => sample.metric === id)
    if (own.length === 0) continue
    const { kind, help } = metrics[id]
    const name = prometheusName(metrics[id])
    head(lines, name, kind, help)
    for (const { labels, value } of own) lines.push(`${name}${written(labels)} ${value}`)
  }
  for (const id of Object.keys(histograms) as HistogramName[]) {
    const series = engines.flatMap((engine) => [...histogramsOf(engine).of(id)])
    if (series.length === 0) continue
    const name = prometheusName(histograms[id])
    head(lines, name, 'histogram', histograms[id].help)
    for (const each of series) buckets(lines, name, histograms[id].buckets, each)
  }
  return `${lines.join('\n')}\n`
}

function head(lines: string[], name: string, type: string, help: string): void {
  lines.push(`# HELP ${name} ${help}.`, `# TYPE ${name} ${type}`)
}

function buckets(
  lines: string[],
  name: string,
  bounds: readonly number[],
  { labels, counts, sum, count }: Series,
): void {
  let below = 0
  for (const [index, bound] of bounds.entries()) {
    below += counts[index] ?? 0
    lines.push(`${name}_bucket${written({ ...labels, le: String(bound) })} ${below}`)
  }
  lines.push(`${name}_bucket${written({ ...labels, le: '+Inf' })} ${count}`)
  lines.push(`${name}_sum${written(labels)} ${sum}`, `${name}_count${written(labels)} ${count}`)
}

function written(labels: Labels): string {
  return `{${Object.entries(labels)
    .map(([name, value]) => `${prometheusLabel(name)}="${escaped(value)}"`)
    .join(',')}}`
}

/** Of a label's value these three have a meaning of their own. */
function escaped(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
}
