import type { Cache } from '../../cache.ts'
import { type Clock, keepAlive, type TimerHandle } from '../../clock.ts'

/** Of how many answers and loads each look hears at most: what it costs does not grow with the traffic. */
const heardPerLook = 1_000
/** The last so many of each kind are kept. */
const keptOfEach = 1_024

export type LatencyKind = 'near' | 'far' | 'load'

/** Milliseconds, of the last calls that were heard of. */
export interface LatencySummary {
  readonly samples: number
  readonly p50: number
  readonly p95: number
  readonly p99: number
}

class Samples {
  readonly #kept = new Float64Array(keptOfEach)
  #heard = 0

  add(ms: number): void {
    this.#kept[this.#heard++ % keptOfEach] = ms
  }

  get summary(): LatencySummary | undefined {
    const samples = Math.min(this.#heard, keptOfEach)
    if (samples === 0) return undefined
    const sorted = this.#kept.slice(0, samples).sort()
    const at = (share: number) => sorted[Math.ceil(share * samples) - 1]!
    return { samples, p50: at(0.5), p95: at(0.95), p99: at(0.99) }
  }
}

/**
 * How long a cache's answers take. Nobody times a near hit that nobody listens to, so each look at the inspector
 * listens to the next thousand and no more; when nobody looks nothing listens.
 */
export class LatencySamples {
  readonly #cache: Cache
  readonly #clock: Clock
  readonly #lookMs: number
  #kinds = emptyKinds()
  #answersLeft = 0
  #loadsLeft = 0
  #endAnswers: (() => void) | undefined
  #endLoads: (() => void) | undefined
  #timer: TimerHandle

  /** @param lookMs for how long one look listens at most. */
  constructor(cache: Cache, clock: Clock, lookMs: number) {
    this.#cache = cache
    this.#clock = clock
    this.#lookMs = lookMs
  }

  /** Somebody looks: begins to listen, or goes on. @throws ClosedError */
  look(): Partial<Record<LatencyKind, LatencySummary>> {
    this.#listen()
    this.#clock.clearTimeout(this.#timer)
    this.#timer = this.#clock.setTimeout(() => this.end(), this.#lookMs)
    keepAlive(this.#timer, false)
    const summaries: Partial<Record<LatencyKind, LatencySummary>> = {}
    for (const [kind, { summary }] of Object.entries(this.#kinds))
      if (summary !== undefined) summaries[kind as LatencyKind] = summary
    return summaries
  }

  #listen(): void {
    this.#answersLeft = heardPerLook
    this.#loadsLeft = heardPerLook
    this.#endAnswers ??= this.#cache.on('hit', ({ tier, coalesced, durationMs }) => {
      if ((tier === 'near' || tier === 'far') && !coalesced) this.#kinds[tier].add(durationMs)
      if (--this.#answersLeft > 0) return
      this.#endAnswers?.()
      this.#endAnswers = undefined
    })
    this.#endLoads ??= this.#cache.on('load', ({ outcome, durationMs }) => {
      if (outcome === 'ok' || outcome === 'fenced') this.#kinds.load.add(durationMs)
      if (--this.#loadsLeft > 0) return
      this.#endLoads?.()
      this.#endLoads = undefined
    })
  }

  /** Nobody looks any more. */
  end(): void {
    this.#clock.clearTimeout(this.#timer)
    this.#endAnswers?.()
    this.#endLoads?.()
    this.#endAnswers = undefined
    this.#endLoads = undefined
    // What was measured then says nothing of the next time somebody looks.
    this.#kinds = emptyKinds()
  }
}

const emptyKinds = (): Record<LatencyKind, Samples> => ({
  near: new Samples(),
  far: new Samples(),
  load: new Samples(),
})
