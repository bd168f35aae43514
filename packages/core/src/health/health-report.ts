import type { HealthCheckName } from './thresholds.ts'

/** `unknown`: there is no data, or not yet of a whole window. It is never taken for `ok`. */
export type HealthStatus = 'ok' | 'warn' | 'critical' | 'unknown'

/** One measure against its thresholds. Of several servers it is the worst one's. */
export interface HealthCheck {
  readonly name: HealthCheckName
  readonly status: HealthStatus
  /** A share from 0 to 1, a count, or seconds, as the name says; `undefined` without data. */
  readonly value: number | undefined
  readonly warn: number
  readonly critical: number
  /** A threshold counts once it was passed for this many seconds, and no longer after twice as many without; 0 = at once. */
  readonly windowS: number
  /** Since when the status is what it is, in Unix milliseconds. */
  readonly since: number
  /** Which of several servers it is. */
  readonly server?: string
}

/** What `health()` answers. It holds no key, no value and no secret. */
export interface HealthReport {
  /** The worst of the checks: `critical`, `warn`, `unknown`, `ok`, in this order. */
  readonly status: HealthStatus
  /** Those that apply: a cache in memory alone has no server to ask about. */
  readonly checks: readonly HealthCheck[]
}
