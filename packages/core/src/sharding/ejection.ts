import { type Clock, keepAlive, type TimerHandle } from '../clock.ts'

export interface EjectionSettings {
  /** Failures one after the other that eject the server; 0 acts as 1. */
  readonly failureLimit: number
  /** How long it stays out before it is tried again. 0: it is never really out. */
  readonly retryAfterMs: number
  /** False: it comes back untested, as in twemproxy. */
  readonly probes: boolean
}

/**
 * One server in the state machine of twemproxy's auto_eject_hosts (nc_server.c, measured on 0.5.0): failures one after
 * the other are counted, an answer resets the count, at the limit the server is out until its retry time, and the
 * first request after that finds it back. twemproxy does not look whether it answers, so a dead server costs its
 * limit of failed requests in every round; with `probes` somebody looks first.
 */
export class Ejection {
  readonly #settings: EjectionSettings
  readonly #clock: Clock
  readonly #probe: () => Promise<unknown>
  readonly #onChange: (isOut: boolean) => void
  #failures = 0
  #isOut = false
  #retryAt = 0
  #ejects = 0
  #timer: TimerHandle
  #stopped = false

  constructor(
    settings: EjectionSettings,
    clock: Clock,
    probe: () => Promise<unknown>,
    onChange: (isOut: boolean) => void,
  ) {
    this.#settings = settings
    this.#clock = clock
    this.#probe = probe
    this.#onChange = onChange
  }

  get isOut(): boolean {
    return this.#isOut
  }

  get ejects(): number {
    return this.#ejects
  }

  succeeded(): void {
    this.#failures = 0
  }

  failed(): void {
    if (this.#isOut || this.#stopped) return
    this.#failures++
    if (this.#failures < this.#settings.failureLimit) return
    this.#failures = 0
    this.#ejects++
    const { retryAfterMs, probes } = this.#settings
    if (retryAfterMs === 0) return
    this.#retryAt = this.#clock.monotonic() + retryAfterMs
    this.#isOut = true
    if (probes) this.#probeLater()
    this.#onChange(true)
  }

  /** Called before a request is routed: without probes, this is where time is noticed. */
  look(): void {
    if (!this.#isOut || this.#settings.probes) return
    if (this.#clock.monotonic() > this.#retryAt) this.#comeBack()
  }

  #probeLater(): void {
    this.#timer = this.#clock.setTimeout(() => {
      this.#probe().then(
        () => this.#comeBack(),
        () => {
          if (!this.#stopped) this.#probeLater()
        },
      )
    }, this.#settings.retryAfterMs)
    keepAlive(this.#timer, false)
  }

  #comeBack(): void {
    if (this.#stopped) return
    this.#failures = 0
    this.#isOut = false
    this.#onChange(false)
  }

  stop(): void {
    this.#stopped = true
    this.#clock.clearTimeout(this.#timer)
  }
}
