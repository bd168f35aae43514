import type { Clock } from '../clock.ts'

/** An answer that came this much too late, and yet in time, tells of a blocked event loop and not of a slow store. */
const lateMs = 50

/** What of the time that an answer took counts: nothing, if it took longer than it could without a blocked event loop. */
export function countedMs(tookMs: number, mostMs: number): number {
  return tookMs > mostMs + lateMs ? 0 : tookMs
}

/**
 * How much time one call may still spend on its store, over all its operations. Time spent elsewhere is not counted,
 * and time in which several operations run is counted once.
 */
export class Budget {
  readonly #clock: Clock
  /** No single operation is waited for longer than this. */
  readonly #mostMs: number
  #leftMs: number
  #running = 0
  #since = 0
  #wasBlocked = false

  /** `spentMs` of the `ms` are gone already. */
  constructor(clock: Clock, ms: number, spentMs = 0) {
    this.#clock = clock
    this.#mostMs = ms
    this.#leftMs = Math.max(0, ms - spentMs)
  }

  /** Whole milliseconds, so that waits of calls share few deadlines. */
  get leftMs(): number {
    return Math.ceil(this.#leftMs)
  }

  /** Hands `run` what is left and takes off what it took. */
  async spend<T>(run: (leftMs: number) => Promise<T>): Promise<T> {
    const begunAt = this.#clock.monotonic()
    if (this.#running++ === 0) this.#since = begunAt
    const leftMs = Math.max(0, this.#leftMs - (begunAt - this.#since))
    try {
      const answer = await run(leftMs)
      const tookMs = this.#clock.monotonic() - begunAt
      if (countedMs(tookMs, this.#mostMs) < tookMs) this.#wasBlocked = true
      return answer
    } finally {
      if (--this.#running === 0) this.#end()
    }
  }

  #end(): void {
    if (!this.#wasBlocked)
      this.#leftMs = Math.max(0, this.#leftMs - (this.#clock.monotonic() - this.#since))
    this.#wasBlocked = false
  }
}
