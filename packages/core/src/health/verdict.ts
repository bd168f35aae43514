import type { HealthStatus } from './health-report.ts'
import { type HealthCheckName, isBelow, type Threshold } from './thresholds.ts'

/** One threshold and its memory: it is entered after a whole window past it, and left after two without. */
class Level {
  /** Since when the value has been past it without a break. */
  #pastSince: number | undefined
  #pastAt = Number.NEGATIVE_INFINITY
  isEntered = false

  judge(isPast: boolean, at: number, spanMs: number, windowMs: number): void {
    if (isPast) {
      this.#pastSince ??= at - spanMs
      this.#pastAt = at
      if (at - this.#pastSince >= windowMs) this.isEntered = true
    } else {
      this.#pastSince = undefined
      if (at - this.#pastAt >= 2 * windowMs) this.isEntered = false
    }
  }

  /** What was not looked at may have been anything. */
  interrupt(): void {
    this.#pastSince = undefined
  }
}

/** What one measure says over time: it takes values, and knows neither where they come from nor what time it is. */
export class Verdict {
  readonly #isBelow: boolean
  readonly #threshold: Threshold
  readonly #windowMs: number
  readonly #warn = new Level()
  readonly #critical = new Level()
  /** Since when there have been values. */
  #knownSince: number | undefined
  status: HealthStatus = 'unknown'
  value: number | undefined
  /** When the status became what it is, in Unix milliseconds. */
  since: number

  constructor(name: HealthCheckName, threshold: Threshold, windowMs: number, now: number) {
    this.#isBelow = isBelow(name)
    this.#threshold = threshold
    this.#windowMs = windowMs
    this.since = now
  }

  /**
   * @param at when it was measured, monotonic.
   * @param spanMs the time up to `at` that the value speaks of: a window for a rate, 0 for a reading.
   * @param now the same instant in Unix milliseconds.
   */
  take(value: number | undefined, at: number, spanMs: number, now: number): void {
    this.value = value
    if (value === undefined) {
      this.#warn.interrupt()
      this.#critical.interrupt()
      this.#knownSince = undefined
      this.#become('unknown', now)
      return
    }
    this.#knownSince ??= at - spanMs
    for (const [level, limit] of [
      [this.#warn, this.#threshold.warn],
      [this.#critical, this.#threshold.critical],
    ] as const) {
      level.judge(this.#isBelow ? value < limit : value > limit, at, spanMs, this.#windowMs)
    }
    if (this.#critical.isEntered) this.#become('critical', now)
    else if (this.#warn.isEntered) this.#become('warn', now)
    else this.#become(at - this.#knownSince >= this.#windowMs ? 'ok' : 'unknown', now)
  }

  #become(status: HealthStatus, now: number): void {
    if (status === this.status) return
    this.status = status
    this.since = now
  }
}

const rank = { ok: 0, unknown: 1, warn: 2, critical: 3 } as const satisfies Record<
  HealthStatus,
  number
>

/** Below 0 if `a` is worse. */
export function compareStatus(a: HealthStatus, b: HealthStatus): number {
  return rank[b] - rank[a]
}
