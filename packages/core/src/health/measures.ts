import type { StoreMetrics } from '../store/store.ts'
import { History } from './history.ts'
import type { HealthCheckName } from './thresholds.ts'

/** What a check is judged by: a value, and the time it speaks of; 0 for what was read at one instant. */
export interface Measured {
  readonly value: number | undefined
  readonly spanMs: number
}

/** The counters of a cache that a hit rate is made of. */
export interface AnswerCounters {
  readonly hits: number
  readonly stale: number
  readonly misses: number
}

export const answerHistory = (windowMs: number) =>
  new History<AnswerCounters>(windowMs, () => false)

/** Of the keys asked for in the last window, the share that a tier answered. */
export function hitRate(history: History<AnswerCounters>, minimumRequests: number): Measured {
  const { window } = history
  if (window === undefined) return { value: undefined, spanMs: 0 }
  const { before, after, spanMs } = window
  const answered = after.hits + after.stale - before.hits - before.stale
  const asked = answered + after.misses - before.misses
  return { value: asked < minimumRequests ? undefined : answered / asked, spanMs }
}

/** What was sent to the store, and what of it failed. */
export interface StoreCounters {
  readonly sent: number
  readonly failed: number
}

export const storeHistory = (windowMs: number) =>
  // Counting begins anew where a store does.
  new History<StoreCounters>(windowMs, (before, after) => after.sent < before.sent)

/** Of what was sent to the store in the last window, the share that failed. */
export function storeErrorRate(history: History<StoreCounters>, minimumRequests: number): Measured {
  const { window } = history
  if (window === undefined) return { value: undefined, spanMs: 0 }
  const { before, after, spanMs } = window
  const sent = after.sent - before.sent
  const value = sent < minimumRequests ? undefined : (after.failed - before.failed) / sent
  return { value, spanMs }
}

/** The checks that a server's own numbers are judged by. */
export const serverChecks = [
  'cpu_utilization',
  'memory_utilization',
  'evictions_per_min',
  'connections',
  'replication_lag_s',
] as const satisfies readonly HealthCheckName[]

export type ServerCheck = (typeof serverChecks)[number]

export const serverHistory = (windowMs: number) =>
  new History<StoreMetrics>(windowMs, (before, after) =>
    (['uptimeMs', 'cpuMs', 'evictions'] as const).some(
      (name) => (after[name] ?? Number.POSITIVE_INFINITY) < (before[name] ?? 0),
    ),
  )

/** What a server's latest reading says, and for counters how they moved in the last window. */
export function measureServer(
  check: ServerCheck,
  latest: StoreMetrics,
  history: History<StoreMetrics>,
): Measured {
  const { usedBytes, limitBytes, connections, replicationLagMs } = latest
  switch (check) {
    case 'cpu_utilization':
      return moved(history, 'cpuMs', 1)
    case 'evictions_per_min':
      return moved(history, 'evictions', 60_000)
    case 'memory_utilization':
      return read(usedBytes === undefined || !limitBytes ? undefined : usedBytes / limitBytes)
    case 'connections':
      return read(connections)
    case 'replication_lag_s':
      return read(replicationLagMs === undefined ? undefined : replicationLagMs / 1_000)
  }
}

const read = (value: number | undefined): Measured => ({ value, spanMs: 0 })

function moved(
  history: History<StoreMetrics>,
  counter: 'cpuMs' | 'evictions',
  perMs: number,
): Measured {
  const { window } = history
  const before = window?.before[counter]
  const after = window?.after[counter]
  if (window === undefined || before === undefined || after === undefined) return read(undefined)
  return { value: (after - before) / (window.spanMs / perMs), spanMs: window.spanMs }
}
