import pLimit, { type LimitFunction } from 'p-limit'

/**
 * How many loads run at once, and how many may wait for their turn, so that a cold cache does not become a dead
 * database.
 *
 * A load that starts other loads holds its place while it waits for them; if those had to queue behind it, loads
 * would wait for each other without end. So a place lends itself: one load at a time, of those started from inside
 * the load that holds the place, may run on it while the others queue as everybody does.
 */
export class Bulkhead {
  readonly #limit: LimitFunction
  readonly #capacity: number

  constructor(concurrency: number, queue: number) {
    this.#limit = pLimit(concurrency)
    this.#capacity = concurrency + queue
  }

  /** No place is free, and no room to wait for one. */
  get full(): boolean {
    return this.#limit.activeCount + this.#limit.pendingCount >= this.#capacity
  }

  get waiting(): number {
    return this.#limit.pendingCount
  }

  /**
   * Runs `work` on the first place that comes free: one of the bulkhead's, or one lent by a load it was started from.
   * The place is held until the promise that `work` returns is settled; it must not reject.
   */
  enter(work: (place: Place) => Promise<void>, lender: Place | undefined): void {
    let entered = false
    const once = async () => {
      if (entered) return
      entered = true
      await work({ bulkhead: this, lent: undefined })
    }
    void this.#limit(once)
    if (lender !== undefined) {
      lender.lent ??= pLimit(1)
      void lender.lent(once)
    }
  }
}

/** A place in a bulkhead, as the load that holds it sees it. */
export interface Place {
  readonly bulkhead: Bulkhead
  lent: LimitFunction | undefined
}
