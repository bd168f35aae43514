import type { Cache } from '../cache.ts'
import { monitorOf } from '../health/health-monitor.ts'
import type { HealthStatus } from '../health/health-report.ts'
import { compareStatus } from '../health/verdict.ts'
import { enginesOf } from './insight.ts'

/** What `liveness()` answers. */
export interface Liveness {
  readonly alive: true
}

/**
 * The answer to an orchestrator that asks whether this process hangs. That it is given is the answer: a cache that is
 * away is no reason to be killed, and a restart would only make it colder.
 */
export function liveness(): Liveness {
  return { alive: true }
}

/** What `readiness()` answers: names of caches, and nothing of what they hold. */
export interface Readiness {
  /** False once a cache was closed, which is how a process says that it takes no more requests. */
  readonly ready: boolean
  /** The worst of the caches: for people and dashboards; no reason to take traffic away. */
  readonly status: HealthStatus
  readonly caches: Readonly<Record<string, HealthStatus>>
}

/**
 * The answer to an orchestrator that asks whether to send requests here. It waits for nobody, and a store that is away
 * does not make it false: every process has the same store, so all would be taken out at once, and calls are answered
 * without it.
 * @throws InvalidOptionError for two caches of one name.
 */
export function readiness(caches: Cache | readonly Cache[]): Readiness {
  const engines = enginesOf(caches, 'readiness')
  const statuses = engines.map((engine): [string, HealthStatus] => [
    engine.name,
    engine.root.isClosed ? 'unknown' : monitorOf(engine).latest().status,
  ])
  const [worst = 'unknown'] = statuses.map(([, status]) => status).sort(compareStatus)
  return {
    ready: engines.every((engine) => !engine.root.isClosed),
    status: worst,
    caches: Object.fromEntries(statuses),
  }
}
