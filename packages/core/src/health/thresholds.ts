/**
 * What is healthy, in one table: `health()` judges by it, and the alert rules and the dashboard in docs/ are made from
 * it. A value that lies on a threshold has not passed it.
 */
export const thresholds = {
  /** Share of the keys asked for that a tier answered, stale ones included. */
  hit_rate: { warn: 0.8, critical: 0.6 },
  /** Share of one processor. */
  cpu_utilization: { warn: 0.6, critical: 0.8 },
  /** Share of the most a server may use. */
  memory_utilization: { warn: 0.7, critical: 0.85 },
  evictions_per_min: { warn: 100, critical: 1_000 },
  connections: { warn: 50_000, critical: 60_000 },
  replication_lag_s: { warn: 1, critical: 5 },
  /** Share of the operations sent to the store that it did not do. */
  store_error_rate: { warn: 0.01, critical: 0.05 },
  /** For how long the breaker has let nothing through to the store. */
  store_out_s: { warn: 10, critical: 60 },
  /** For how long invalidations of other processes may have been missed. */
  bus_down_s: { warn: 3, critical: 30 },
  /** Share of the journal that invalidations fill which the store has not had. */
  journal_fill: { warn: 0.5, critical: 0.9 },
} as const satisfies Record<string, Threshold>

/** The name of a check, the same in options, reports, metrics and alerts. */
export type HealthCheckName = keyof typeof thresholds

/** Past `warn` a check warns, past `critical` it is critical; of a hit rate "past" is below, of all others above. */
export interface Threshold {
  readonly warn: number
  readonly critical: number
}

/** What was chosen, complete. */
export interface HealthSettings {
  /** `undefined` for a check that was switched off. */
  readonly thresholds: Readonly<Record<HealthCheckName, Threshold | undefined>>
  readonly windowMs: number
  readonly pollMs: number
  readonly minimumRequests: number
}

/** Lower is worse. */
export const isBelow = (name: HealthCheckName): boolean => name === 'hit_rate'
