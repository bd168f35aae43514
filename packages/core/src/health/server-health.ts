import type { StoreMetrics } from '../store/store.ts'
import type { History } from './history.ts'
import { measureServer, type ServerCheck, serverChecks, serverHistory } from './measures.ts'
import type { HealthSettings } from './thresholds.ts'
import { Verdict } from './verdict.ts'

/** What is known of one server: how its numbers moved, and a verdict on each. */
export class ServerHealth {
  readonly name: string
  readonly verdicts: ReadonlyMap<ServerCheck, Verdict>
  readonly #history: History<StoreMetrics>
  /** What it told last; `undefined` while it tells nothing. */
  latest: StoreMetrics | undefined
  /** When it last told anything, monotonic. */
  heardAt: number

  constructor(name: string, settings: HealthSettings, at: number, now: number) {
    this.name = name
    this.heardAt = at
    this.#history = serverHistory(settings.windowMs)
    const verdicts = new Map<ServerCheck, Verdict>()
    for (const check of serverChecks) {
      const threshold = settings.thresholds[check]
      if (threshold !== undefined)
        verdicts.set(check, new Verdict(check, threshold, settings.windowMs, now))
    }
    this.verdicts = verdicts
  }

  /** @param metrics `undefined`: it did not answer. */
  take(metrics: StoreMetrics | undefined, at: number, now: number): void {
    this.latest = metrics
    if (metrics !== undefined) {
      this.heardAt = at
      this.#history.note(metrics, at)
    }
    for (const [check, verdict] of this.verdicts) {
      const measured = metrics && measureServer(check, metrics, this.#history)
      verdict.take(measured?.value, at, measured?.spanMs ?? 0, now)
    }
  }

  /** A server that tells of itself and leaves this out has no such thing: no limit, no replica. */
  hasNo(check: ServerCheck): boolean {
    const { latest } = this
    if (latest === undefined) return false
    if (check === 'memory_utilization') return latest.usedBytes !== undefined && !latest.limitBytes
    return check === 'replication_lag_s' && latest.replicationLagMs === undefined
  }
}
