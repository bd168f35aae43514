import { AsyncResource } from 'node:async_hooks'
import pLimit, { type LimitFunction } from 'p-limit'

/**
 * How many loads run at once, and how many may wait for their turn, so that a cold cache does not become a dead
 * database.
 *
 * A load that waits for other loads holds its place meanwhile; if those had to queue behind it, loads would wait for
 * each other without end. So a place lends itself: one load at a time, of those that its holder waits for, may run
 * on it while the others queue as everybody does.
 */
export class Bulkhead {
  readonly #limit: LimitFunction
  readonly #concurrency: number
  readonly #capacity: number
  /** Loads on a place of their own, and those that wait for one. Those on a lent place take no room. */
  #inside = 0

  constructor(concurrency: number, queue: number) {
    this.#limit = pLimit(concurrency)
    this.#concurrency = concurrency
    this.#capacity = concurrency + queue
  }

  /** No place is free, no room to wait for one, and no place of `lenders` is free to ride on. */
  isFull(lenders: readonly Place[]): boolean {
    return this.#inside >= this.#capacity && !lenders.some(isIdle)
  }

  get waiting(): number {
    return Math.max(0, this.#inside - this.#concurrency)
  }

  /**
   * Runs `work` on the first place that comes free: one of the bulkhead's, or one lent by a load that waits for it.
   * The place is held until the promise that `work` returns is settled; it must not reject.
   */
  enter(work: (place: Place) => Promise<void>): Ticket {
    let entered = false
    this.#inside++
    // Bound here, so that a load on a lent place runs in its own async context and not in its lender's.
    const run = AsyncResource.bind(async () => {
      entered = true
      const place: Place = { bulkhead: this, lent: undefined, left: false }
      await work(place)
      place.left = true
    })
    void this.#limit(async () => {
      if (entered) return
      await run()
      this.#inside--
    })
    const leave = () => {
      if (entered) return
      entered = true
      this.#inside--
    }
    const ride = (lender: Place) => {
      lender.lent ??= pLimit(1)
      void lender.lent(async () => {
        if (entered || lender.left) return
        this.#inside--
        await run()
      })
    }
    return { bulkhead: this, ride, leave }
  }
}

function isIdle(place: Place): boolean {
  return !place.left && (place.lent === undefined || place.lent.activeCount === 0)
}

/** A place in a bulkhead, as the load that holds it sees it. */
export interface Place {
  readonly bulkhead: Bulkhead
  lent: LimitFunction | undefined
  /** Its holder is done: there is nothing to lend any more. */
  left: boolean
}

/** A load's wait for a place. */
export interface Ticket {
  readonly bulkhead: Bulkhead
  /** Takes also a place that a load lends which has come to wait for this one. */
  ride(lender: Place): void
  /** Gives up, if it still waits. */
  leave(): void
}
