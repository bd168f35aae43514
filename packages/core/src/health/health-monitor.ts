import { keepAlive, type TimerHandle } from '../clock.ts'
import type { Engine } from '../read/engine.ts'
import type { StoreMetrics } from '../store/store.ts'
import type { HealthCheck, HealthReport, HealthStatus } from './health-report.ts'
import {
  answerHistory,
  hitRate,
  type ServerCheck,
  serverChecks,
  storeErrorRate,
  storeHistory,
} from './measures.ts'
import { ServerHealth } from './server-health.ts'
import { pollStore } from './store-polls.ts'
import type { HealthCheckName, HealthSettings } from './thresholds.ts'
import { compareStatus, Verdict } from './verdict.ts'

/** What is judged at once, by what this process knows itself. */
const ownChecks = ['store_out_s', 'bus_down_s', 'journal_fill'] as const

/**
 * Watches one cache and the servers behind it from the first question on: a reading every poll, a verdict over windows.
 * It costs the cache's calls nothing, and ends with the cache.
 */
export class HealthMonitor {
  readonly #engine: Engine
  readonly #settings: HealthSettings
  readonly #answers
  readonly #operations
  readonly #own = new Map<HealthCheckName, Verdict>()
  readonly #servers = new Map<string, ServerHealth>()
  /** Stands for the servers while not one of them is known. */
  readonly #nobody: ServerHealth
  #sampledAt = Number.NEGATIVE_INFINITY
  #polledAt = Number.NEGATIVE_INFINITY
  #sampling: Promise<void> | undefined
  #timer: TimerHandle
  #closed = false

  constructor(engine: Engine) {
    this.#engine = engine
    this.#settings = engine.settings.health
    const { windowMs, thresholds } = this.#settings
    this.#answers = answerHistory(windowMs)
    this.#answers.note({ hits: 0, stale: 0, misses: 0 }, engine.startedAt)
    this.#operations = storeHistory(windowMs)
    this.#operations.note({ sent: 0, failed: 0 }, engine.startedAt)
    const { clock } = engine
    for (const name of ['hit_rate', 'store_error_rate', ...ownChecks] as const) {
      const threshold = thresholds[name]
      if (threshold === undefined) continue
      this.#own.set(name, new Verdict(name, threshold, windowSpan(name, windowMs), clock.now()))
    }
    this.#nobody = new ServerHealth('', this.#settings, clock.monotonic(), clock.now())
  }

  /** Looks at the servers if it is time to, and says how everything is. */
  async report(): Promise<HealthReport> {
    if (this.#engine.clock.monotonic() - this.#sampledAt >= this.#settings.pollMs)
      await this.#sample()
    else await this.#sampling
    return this.latest()
  }

  /** What is known without asking anybody. The first call begins to watch. */
  latest(): HealthReport {
    if (this.#sampledAt === Number.NEGATIVE_INFINITY) void this.#sample()
    this.#judgeOwn()
    const checks = [...this.#ownRows(), ...this.#serverRows()]
    const counted = checks.filter((check) => !this.#isWithout(check))
    const [worst = 'unknown'] = counted.map(({ status }) => status).sort(compareStatus)
    return { status: worst, checks }
  }

  /** What each server told last, by its name; `''` where the store has one only. */
  get servers(): ReadonlyMap<string, StoreMetrics> {
    const told = new Map<string, StoreMetrics>()
    for (const { name, latest } of this.#servers.values())
      if (latest !== undefined) told.set(name, latest)
    return told
  }

  #sample(): Promise<void> {
    this.#sampling ??= this.#takeSample().finally(() => {
      this.#sampling = undefined
    })
    return this.#sampling
  }

  async #takeSample(): Promise<void> {
    const { clock, counters } = this.#engine
    const at = clock.monotonic()
    this.#sampledAt = at
    this.#schedule()
    const { hits, stale, misses } = counters
    this.#answers.note({ hits, stale, misses }, at)
    const rate = hitRate(this.#answers, this.#settings.minimumRequests)
    this.#judge(this.#own.get('hit_rate'), 'hit_rate', rate.value, at, rate.spanMs)
    // What comes with a store may still be on its way.
    await this.#engine.opening
    const { far } = this.#engine
    if (far === undefined) return
    const { sent, failed } = far.tier.store
    this.#operations.note({ sent, failed }, at)
    const errors = storeErrorRate(this.#operations, this.#settings.minimumRequests)
    const ofErrors = this.#own.get('store_error_rate')
    this.#judge(ofErrors, 'store_error_rate', errors.value, at, errors.spanMs)
    // A store that does not answer is not asked how it is.
    const isOut = this.#engine.storeOutSince !== undefined
    const { store } = this.#engine.settings.far ?? {}
    const poll =
      isOut || store === undefined
        ? { at, servers: undefined }
        : await pollStore(store, clock, this.#settings.pollMs)
    if (this.#closed || poll.at <= this.#polledAt) return
    this.#polledAt = poll.at
    this.#takePoll(poll.servers, poll.at)
  }

  #takePoll(told: ReadonlyMap<string, StoreMetrics> | undefined, at: number): void {
    const { clock } = this.#engine
    const now = clock.now()
    for (const name of told?.keys() ?? []) {
      if (!this.#servers.has(name))
        this.#servers.set(name, new ServerHealth(name, this.#settings, at, now))
    }
    for (const [name, server] of this.#servers) {
      const before = new Map([...server.verdicts].map(([check, { status }]) => [check, status]))
      server.take(told?.get(name), at, now)
      for (const [check, verdict] of server.verdicts)
        this.#tell(check, verdict, before.get(check) ?? 'unknown', name)
      // One that was taken out of the list does not stay unknown for ever.
      if (at - server.heardAt > 2 * this.#settings.windowMs) this.#servers.delete(name)
    }
  }

  #judgeOwn(): void {
    const { clock, storeOutSince, busDownSince, far, settings } = this.#engine
    const at = clock.monotonic()
    const seconds = (since: number | undefined) => (since === undefined ? 0 : (at - since) / 1_000)
    if (far === undefined) return
    const { journal, link } = far.tier
    const fill = journal.overflowed
      ? 1
      : journal.size / Math.max(1, settings.resilience.journalKeys)
    this.#judge(this.#own.get('store_out_s'), 'store_out_s', seconds(storeOutSince), at, 0)
    this.#judge(this.#own.get('journal_fill'), 'journal_fill', fill, at, 0)
    if (link === undefined) return
    const downS = link.isTrusted ? 0 : seconds(busDownSince ?? this.#engine.startedAt)
    this.#judge(this.#own.get('bus_down_s'), 'bus_down_s', downS, at, 0)
  }

  #judge(
    verdict: Verdict | undefined,
    name: HealthCheckName,
    value: number | undefined,
    at: number,
    spanMs: number,
  ): void {
    if (verdict === undefined) return
    const before = verdict.status
    verdict.take(value, at, spanMs, this.#engine.clock.now())
    this.#tell(name, verdict, before, '')
  }

  #tell(check: HealthCheckName, verdict: Verdict, before: HealthStatus, server: string): void {
    const { observer, name } = this.#engine
    const { status, value } = verdict
    if (status === before || !observer.hears('health')) return
    const where = server === '' ? {} : { server }
    observer.emit('health', { cache: name, check, status, before, value, ...where })
  }

  #ownRows(): HealthCheck[] {
    const { far } = this.#engine
    return [...this.#own].flatMap(([name, verdict]) => {
      const applies =
        name === 'hit_rate' ||
        (far !== undefined && (name !== 'bus_down_s' || far.tier.link !== undefined))
      return applies ? [this.#row(name, verdict, '')] : []
    })
  }

  /** Of each check that of the server which is worst off. */
  #serverRows(): HealthCheck[] {
    if (this.#engine.far === undefined) return []
    const servers = this.#servers.size === 0 ? [this.#nobody] : [...this.#servers.values()]
    return serverChecks.flatMap((check) => {
      const rows = servers.flatMap((server) => {
        const verdict = server.verdicts.get(check)
        return verdict === undefined ? [] : [this.#row(check, verdict, server.name)]
      })
      const worst = rows.sort(
        (a, b) => compareStatus(a.status, b.status) || (b.value ?? -1) - (a.value ?? -1),
      )[0]
      return worst === undefined ? [] : [worst]
    })
  }

  #row(name: HealthCheckName, verdict: Verdict, server: string): HealthCheck {
    const threshold = this.#settings.thresholds[name] ?? { warn: 0, critical: 0 }
    const { status, value, since } = verdict
    const windowS = windowSpan(name, this.#settings.windowMs) / 1_000
    const where = server === '' ? {} : { server }
    return { name, status, value, ...threshold, windowS, since, ...where }
  }

  /** Unknown, because there is nothing that could be known. */
  #isWithout({ name, status, server = '' }: HealthCheck): boolean {
    if (status !== 'unknown') return false
    // Where memory answers nearly all there is little to judge the store by, and the rest says enough.
    if (name === 'store_error_rate') return true
    if (!serverChecks.includes(name as ServerCheck)) return false
    return this.#servers.get(server)?.hasNo(name as ServerCheck) ?? false
  }

  #schedule(): void {
    const { clock } = this.#engine
    clock.clearTimeout(this.#timer)
    if (this.#closed) return
    this.#timer = clock.setTimeout(() => void this.#sample(), this.#settings.pollMs)
    keepAlive(this.#timer, false)
  }

  close(): void {
    this.#closed = true
    this.#engine.clock.clearTimeout(this.#timer)
  }
}

/** What this process knows of itself needs no window: it is a span of time, or it is full. */
function windowSpan(name: HealthCheckName, windowMs: number): number {
  return (ownChecks as readonly string[]).includes(name) ? 0 : windowMs
}

/** The one monitor of a cache. */
export function monitorOf(engine: Engine): HealthMonitor {
  engine.monitor ??= new HealthMonitor(engine)
  return engine.monitor
}
