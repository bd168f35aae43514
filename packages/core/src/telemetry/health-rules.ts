import { type HealthCheckName, isBelow, thresholds } from '../health/thresholds.ts'
import { metrics, prometheusName } from './metrics-table.ts'

/** Who is told: `page` wakes somebody up, `chat` can wait for the morning. */
export type Severity = 'page' | 'chat'

/** How a check is asked of Prometheus, and what it means to whoever reads the alert. */
interface CheckQuery {
  readonly title: string
  /** The measure, in the terms of the check, as PromQL. */
  readonly measure: string
  /** How long it has to be so; what this process times itself needs no waiting. */
  readonly for: string
  readonly unit: 'percentunit' | 'short' | 's'
  /** The heading in docs/operations.md that says what to do. */
  readonly runbook: string
  /** Added where the measure is worth nothing by itself. */
  readonly only?: string
}

const name = (metric: keyof typeof metrics) => prometheusName(metrics[metric])
const rate = (metric: keyof typeof metrics, labels = '') => `rate(${name(metric)}${labels}[5m])`

/** Each check of `health()` as a question to Prometheus. */
export const checkQueries: Readonly<Record<HealthCheckName, CheckQuery>> = {
  hit_rate: {
    title: 'Hit rate',
    measure: `sum by (cache) (${rate('requests', '{outcome=~"hit|stale"}')}) / sum by (cache) (${rate('requests')})`,
    for: '5m',
    unit: 'percentunit',
    runbook: 'a-stampede',
    only: `sum by (cache) (increase(${name('requests')}[5m])) >= 1000`,
  },
  cpu_utilization: {
    title: 'Processor of a server',
    measure: `max by (cache, server) (${rate('serverCpu')})`,
    for: '5m',
    unit: 'percentunit',
    runbook: 'a-busy-server',
  },
  memory_utilization: {
    title: 'Memory of a server',
    measure: `max by (cache, server) (${name('serverMemory')} / ${name('serverMemoryLimit')})`,
    for: '5m',
    unit: 'percentunit',
    runbook: 'a-full-server',
  },
  evictions_per_min: {
    title: 'Evictions of a server, a minute',
    measure: `max by (cache, server) (increase(${name('serverEvictions')}[5m])) / 5`,
    for: '5m',
    unit: 'short',
    runbook: 'a-full-server',
  },
  connections: {
    title: 'Connections of a server',
    measure: `max by (cache, server) (${name('serverConnections')})`,
    for: '5m',
    unit: 'short',
    runbook: 'a-busy-server',
  },
  replication_lag_s: {
    title: 'Replication lag',
    measure: `max by (cache, server) (${name('serverLag')})`,
    for: '5m',
    unit: 's',
    runbook: 'a-replica-that-lags',
  },
  store_error_rate: {
    title: 'Errors of the store',
    measure: `sum by (cache) (${rate('storeOperations', '{outcome="failed"}')}) / sum by (cache) (${rate('storeOperations')})`,
    for: '5m',
    unit: 'percentunit',
    runbook: 'a-store-that-errs',
    only: `sum by (cache) (increase(${name('storeOperations')}[5m])) >= 1000`,
  },
  store_out_s: byItself('Store out', 'store_out_s', 'a-dead-server'),
  bus_down_s: byItself('Bus down', 'bus_down_s', 'a-dead-server'),
  journal_fill: byItself('Invalidations that wait for the store', 'journal_fill', 'a-dead-server'),
}

/** What a process times itself: its own verdict is asked for. */
function byItself(title: string, check: HealthCheckName, runbook: string): CheckQuery {
  const measure = `max by (cache) (${name('health')}{check="${check}"})`
  return { title, measure, for: '0m', unit: 'short', runbook }
}

/** One alert rule. */
export interface AlertRule {
  readonly alert: string
  readonly expr: string
  readonly for: string
  readonly severity: Severity
  readonly summary: string
  readonly runbook: string
}

/** A warning for the chat and an alert that pages, for each check. */
export function alertRules(): readonly AlertRule[] {
  return (Object.keys(thresholds) as HealthCheckName[]).flatMap((check) =>
    (['warn', 'critical'] as const).map((level) => alertRule(check, level)),
  )
}

function alertRule(check: HealthCheckName, level: 'warn' | 'critical'): AlertRule {
  const query = checkQueries[check]
  const limit = thresholds[check][level]
  const own = query.measure.startsWith(`max by (cache) (${name('health')}{`)
  const sign = isBelow(check) ? '<' : '>'
  const past = own
    ? `${query.measure} >= ${level === 'warn' ? 1 : 2}`
    : `${query.measure} ${sign} ${limit}`
  const words = isBelow(check) ? 'below' : 'above'
  return {
    alert: `Holdfast${camel(check)}${level === 'warn' ? 'Warning' : 'Critical'}`,
    expr: query.only === undefined ? past : `(${past}) and on (cache) (${query.only})`,
    for: query.for,
    severity: level === 'warn' ? 'chat' : 'page',
    summary: `${query.title} of {{ $labels.cache }} is ${words} ${limit}`,
    runbook: query.runbook,
  }
}

function camel(check: string): string {
  return check.replace(/(^|_)(\w)/g, (_all, _bar, letter: string) => letter.toUpperCase())
}
