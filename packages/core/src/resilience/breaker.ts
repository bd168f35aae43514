import { type Clock, keepAlive, type TimerHandle } from '../clock.ts'

export interface BreakerSettings {
  /** This many failures one after the other open it. */
  readonly failuresInARow: number
  /** Or this share of failures, from 0 to 1 … */
  readonly failureShare: number
  /** … among at least this many operations … */
  readonly minimumOperations: number
  /** … within this span. */
  readonly windowMs: number
  /** How long it stays open before the first probe; doubled after each that fails, up to `maxOpenMs`. */
  readonly openMs: number
  readonly maxOpenMs: number
}

export type BreakerState = 'closed' | 'open' | 'half-open'

/**
 * Stops asking somebody who does not answer (Nygard: Release It!, 'Circuit Breaker'). It judges and keeps time for
 * probes; it knows neither stores nor caches. While it is open no operation is let through, and a probe is never a
 * caller's operation: `probe` is called instead, and its success closes it.
 */
export class Breaker {
  readonly #settings: BreakerSettings
  readonly #clock: Clock
  readonly #probe: () => Promise<unknown>
  readonly #onChange: (state: BreakerState) => void
  #state: BreakerState = 'closed'
  #inARow = 0
  #windowFrom = 0
  #operations = 0
  #failures = 0
  #openMs: number
  #timer: TimerHandle
  #stopped = false

  constructor(
    settings: BreakerSettings,
    clock: Clock,
    probe: () => Promise<unknown>,
    onChange: (state: BreakerState) => void,
  ) {
    this.#settings = settings
    this.#clock = clock
    this.#probe = probe
    this.#onChange = onChange
    this.#openMs = settings.openMs
  }

  get state(): BreakerState {
    return this.#state
  }

  succeeded(): void {
    this.#inARow = 0
    this.#count(false)
  }

  failed(): void {
    this.#inARow++
    this.#count(true)
    if (this.#state !== 'closed') return
    const { failuresInARow, failureShare, minimumOperations } = this.#settings
    const often =
      this.#operations >= minimumOperations && this.#failures / this.#operations >= failureShare
    if (this.#inARow >= failuresInARow || often) this.open()
  }

  /** Opens it at once, for whoever knows already that nobody answers. */
  open(): void {
    if (this.#state === 'open' || this.#stopped) return
    this.#change('open')
    // Jittered by half, so that many processes do not probe a server that comes back all at once.
    const waitMs = this.#openMs * (0.5 + this.#clock.random() / 2)
    this.#openMs = Math.min(this.#openMs * 2, this.#settings.maxOpenMs)
    this.#timer = this.#clock.setTimeout(() => void this.#tryProbe(), waitMs)
    keepAlive(this.#timer, false)
  }

  /** Somebody knows that things have changed: the next probe is due now. */
  hurry(): void {
    if (this.#state !== 'open' || this.#stopped) return
    this.#clock.clearTimeout(this.#timer)
    this.#openMs = this.#settings.openMs
    void this.#tryProbe()
  }

  async #tryProbe(): Promise<void> {
    if (this.#stopped) return
    this.#change('half-open')
    try {
      await this.#probe()
    } catch {
      if (!this.#stopped) this.open()
      return
    }
    if (this.#stopped) return
    this.#inARow = 0
    this.#operations = 0
    this.#failures = 0
    this.#openMs = this.#settings.openMs
    this.#change('closed')
  }

  #count(failed: boolean): void {
    const now = this.#clock.monotonic()
    if (now - this.#windowFrom > this.#settings.windowMs) {
      this.#windowFrom = now
      this.#operations = 0
      this.#failures = 0
    }
    this.#operations++
    if (failed) this.#failures++
  }

  #change(state: BreakerState): void {
    this.#state = state
    this.#onChange(state)
  }

  stop(): void {
    this.#stopped = true
    this.#clock.clearTimeout(this.#timer)
  }
}
