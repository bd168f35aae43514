import type { Clock } from '../clock.ts'

/** How much time one call may still spend on its store, over all its operations; time spent elsewhere is not counted. */
export class Budget {
  readonly #clock: Clock
  #leftMs: number

  constructor(clock: Clock, ms: number) {
    this.#clock = clock
    this.#leftMs = ms
  }

  /** Hands `run` what is left and takes off what it took. */
  async spend<T>(run: (leftMs: number) => Promise<T>): Promise<T> {
    const since = this.#clock.monotonic()
    try {
      return await run(this.#leftMs)
    } finally {
      this.#leftMs = Math.max(0, this.#leftMs - (this.#clock.monotonic() - since))
    }
  }
}
