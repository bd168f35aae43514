import type { Clock, TimerHandle } from '@holdfast/core'

/** Something that waits for an answer. */
export interface Waiting {
  /** It waited too long. */
  expire(): void
  /** The store is closing. */
  close(): void
}

interface Place {
  readonly waiting: Waiting
  readonly dueAt: number
  before: Place | undefined
  behind: Place | undefined
}

/** A timer that fires this much too late tells of a blocked event loop and not of a slow answer. */
const lateMs = 20
/** After a block: time to read what has long been waiting in the socket. */
const graceMs = 50
/** Blocks that follow each other are forgiven so often; a loop that is always late is no excuse for ever. */
const forgivenInARow = 2

/**
 * One queue with one timer for all answers that are waited for the same span. Who comes first is due first, so a
 * wait that ends in time costs two pointers, where a timer for each would cost a tenth of the command.
 */
export class Deadlines {
  readonly spanMs: number
  readonly #clock: Clock
  #first: Place | undefined
  #last: Place | undefined
  #timer: TimerHandle | undefined
  #timerDueAt = 0
  #forgiven = 0

  constructor(clock: Clock, spanMs: number) {
    this.#clock = clock
    this.spanMs = spanMs
  }

  /** Queues `waiting`; the answer takes it out again. */
  add(waiting: Waiting): () => void {
    const now = this.#clock.monotonic()
    const place: Place = {
      waiting,
      dueAt: now + this.spanMs,
      before: this.#last,
      behind: undefined,
    }
    if (this.#last === undefined) this.#first = place
    else this.#last.behind = place
    this.#last = place
    // The timer of an emptied queue is left to fire and find out: commands one after the other arm one, not one each.
    if (this.#timer === undefined) this.#arm(this.spanMs, now)
    return () => this.#remove(place)
  }

  /** Ends every wait. */
  close(): void {
    if (this.#timer !== undefined) this.#clock.clearTimeout(this.#timer)
    this.#timer = undefined
    for (let place = this.#first; place !== undefined; place = this.#first) {
      this.#remove(place)
      place.waiting.close()
    }
  }

  #remove(place: Place): void {
    const queued = place === this.#first || place.before !== undefined
    if (!queued) return
    if (place.before === undefined) this.#first = place.behind
    else place.before.behind = place.behind
    if (place.behind === undefined) this.#last = place.before
    else place.behind.before = place.before
    place.before = undefined
    place.behind = undefined
  }

  #arm(ms: number, now: number): void {
    this.#timerDueAt = now + ms
    this.#timer = this.#clock.setTimeout(() => this.#fire(), ms)
  }

  #fire(): void {
    this.#timer = undefined
    const now = this.#clock.monotonic()
    const isLate = now - this.#timerDueAt > lateMs
    if (isLate && this.#first !== undefined && this.#forgiven < forgivenInARow) {
      this.#forgiven++
      this.#arm(graceMs, now)
      return
    }
    this.#forgiven = 0
    for (let place = this.#first; place !== undefined && place.dueAt <= now; place = this.#first) {
      this.#remove(place)
      place.waiting.expire()
    }
    if (this.#first !== undefined && this.#timer === undefined) {
      this.#arm(Math.max(1, Math.ceil(this.#first.dueAt - now)), now)
    }
  }
}
