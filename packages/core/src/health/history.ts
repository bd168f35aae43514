/** Counters at one instant, monotonic. */
interface Reading<Counters> {
  readonly at: number
  readonly counters: Counters
}

/** Readings of the same counters, as far back as a window needs them. */
export class History<Counters> {
  readonly #windowMs: number
  readonly #hasRestarted: (before: Counters, after: Counters) => boolean
  #readings: Reading<Counters>[] = []

  constructor(windowMs: number, hasRestarted: (before: Counters, after: Counters) => boolean) {
    this.#windowMs = windowMs
    this.#hasRestarted = hasRestarted
  }

  note(counters: Counters, at: number): void {
    const last = this.#readings.at(-1)
    if (last !== undefined && at <= last.at) return
    // Whoever counts from the start again has no past to compare with.
    if (last !== undefined && this.#hasRestarted(last.counters, counters)) this.#readings = []
    this.#readings.push({ at, counters })
    // All but the newest of those that are at least a window old.
    while ((this.#readings[1]?.at ?? Number.POSITIVE_INFINITY) <= at - this.#windowMs)
      this.#readings.shift()
  }

  /** From the last reading back over one whole window; `undefined` where so much has not been seen, or only long ago. */
  get window(): { before: Counters; after: Counters; spanMs: number } | undefined {
    const first = this.#readings[0]
    const last = this.#readings.at(-1)
    if (first === undefined || last === undefined) return undefined
    const spanMs = last.at - first.at
    if (spanMs < this.#windowMs || spanMs > 2 * this.#windowMs) return undefined
    return { before: first.counters, after: last.counters, spanMs }
  }
}
