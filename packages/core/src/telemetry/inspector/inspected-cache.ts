import type { Cache } from '../../cache.ts'
import type { Clock } from '../../clock.ts'
import type { HealthReport } from '../../health/health-report.ts'
import { type Inside, inside } from '../../observe/inside.ts'
import type { CacheStats } from '../../observe/stats.ts'
import type { Engine } from '../../read/engine.ts'
import type { BreakerState } from '../../resilience/breaker.ts'
import { type LatencyKind, LatencySamples, type LatencySummary } from './latency-samples.ts'
import { isRingStore, RingSample, type RingSpread } from './ring-spread.ts'

/** Where entries are kept and what the way there is like. Spans are milliseconds. */
export interface TierStates {
  readonly near: boolean
  /** Absent without a store. */
  readonly store?: { readonly name: string; readonly breaker: BreakerState; readonly outMs: number }
  /** Absent without a bus. */
  readonly bus?: { readonly up: boolean; readonly downMs: number }
  /** Share of the journal that invalidations fill which the store has not had. */
  readonly journalFill?: number
}

/** What an open page is told of one cache. It holds no key, no tag and no value. */
export interface InspectedState {
  readonly name: string
  readonly isOpen: boolean
  readonly isEnabled: boolean
  readonly isSensitive: boolean
  /** Monotonic milliseconds, to make rates of counters. */
  readonly at: number
  /** Unix milliseconds, for a browser whose clock is off. */
  readonly now: number
  readonly stats: CacheStats
  readonly tiers: TierStates | undefined
  readonly latency: Partial<Record<LatencyKind, LatencySummary>>
  readonly ring: RingSpread | undefined
  readonly health: HealthReport | undefined
}

/** One of the caches that the inspector shows. */
export class InspectedCache {
  readonly name: string
  readonly cache: Cache
  readonly #clock: Clock
  readonly #latency: LatencySamples
  readonly #inside: Inside | undefined
  #ring: RingSample | undefined
  #health: HealthReport | undefined
  #asking: Promise<void> | undefined

  constructor(name: string, cache: Cache, clock: Clock, lookMs: number) {
    this.name = name
    this.cache = cache
    this.#clock = clock
    this.#latency = new LatencySamples(cache, clock, lookMs)
    this.#inside = (cache as { readonly [inside]?: Inside })[inside]
  }

  async look(): Promise<InspectedState> {
    const engine = this.#inside?.engine
    const isOpen = this.#inside?.scope.isClosed !== true
    if (isOpen && engine?.opening !== undefined) await engine.opening
    if (isOpen) await this.#askHealth()
    return {
      name: this.name,
      isOpen,
      isEnabled: this.cache.enabled,
      isSensitive: this.#inside?.scope.isSensitive ?? false,
      at: this.#clock.monotonic(),
      now: this.#clock.now(),
      stats: this.cache.stats(),
      tiers: engine && tiersOf(engine),
      latency: isOpen ? this.#latency.look() : {},
      ring: isOpen ? await this.#spread() : undefined,
      health: isOpen ? this.#health : undefined,
    }
  }

  /** Servers may take their time to tell how they are; only the first look waits for them. */
  async #askHealth(): Promise<void> {
    this.#asking ??= this.cache
      .health()
      .then(
        (report) => {
          this.#health = report
        },
        // It rejects for a closed cache alone, and the next look says so.
        () => {},
      )
      .finally(() => {
        this.#asking = undefined
      })
    if (this.#health === undefined) await this.#asking
  }

  async #spread(): Promise<RingSpread | undefined> {
    const store = this.#inside?.engine.settings.far?.store
    if (this.#ring === undefined && isRingStore(store)) this.#ring = new RingSample(store)
    try {
      return await this.#ring?.spread()
    } catch {
      // Around a store without a ring, or with none of its servers left, there is nothing to show.
      return undefined
    }
  }
}

function tiersOf(engine: Engine): TierStates {
  const { far, clock, storeOutSince, busDownSince, startedAt, settings } = engine
  const near = engine.near !== undefined
  if (far === undefined) return { near }
  const since = (at: number | undefined) => (at === undefined ? 0 : clock.monotonic() - at)
  const { store, link, journal } = far.tier
  const tiers = {
    near,
    store: {
      name: far.tier.settings.store.name,
      breaker: store.state,
      outMs: since(storeOutSince),
    },
    journalFill: journal.overflowed
      ? 1
      : journal.size / Math.max(1, settings.resilience.journalKeys),
  }
  if (link === undefined) return tiers
  const up = link.isTrusted
  return { ...tiers, bus: { up, downMs: up ? 0 : since(busDownSince ?? startedAt) } }
}
