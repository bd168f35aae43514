import type { Clock, TimerHandle } from '@holdfast/core'
import { keepAlive } from './clock.ts'

/** Something that waits for an answer. Extended rather than wrapped: a command is its own place in the queue. */
export abstract class Waiting {
  dueAt = 0
  isQueued = false
  before: Waiting | undefined = undefined
  behind: Waiting | undefined = undefined
  /** It waited too long. */
  abstract expire(): void
  /** The store is closing. */
  abstract close(): void
}

/** A wait that ends by one of two functions, for what is not done often. */
export class Wait extends Waiting {
  readonly expire: () => void
  readonly close: () => void

  constructor(expire: () => void, close: () => void) {
    super()
    this.expire = expire
    this.close = close
  }
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
  #first: Waiting | undefined
  #last: Waiting | undefined
  #timer: TimerHandle | undefined
  #timerDueAt = 0
  #forgiven = 0

  constructor(clock: Clock, spanMs: number) {
    this.#clock = clock
    this.spanMs = spanMs
  }

  add(waiting: Waiting): void {
    const now = this.#clock.monotonic()
    waiting.dueAt = now + this.spanMs
    waiting.isQueued = true
    waiting.before = this.#last
    if (this.#last === undefined) this.#first = waiting
    else this.#last.behind = waiting
    this.#last = waiting
    // The timer of an emptied queue is left to fire and find out: commands one after the other arm one, not one each.
    if (this.#timer === undefined) this.#arm(this.spanMs, now)
    else if (this.#first === waiting) keepAlive(this.#timer, true)
  }

  /** Takes `waiting` out, if it is still in. */
  remove(waiting: Waiting): void {
    if (!waiting.isQueued) return
    waiting.isQueued = false
    if (waiting.before === undefined) this.#first = waiting.behind
    else waiting.before.behind = waiting.behind
    if (waiting.behind === undefined) this.#last = waiting.before
    else waiting.behind.before = waiting.before
    waiting.before = undefined
    waiting.behind = undefined
    if (this.#first === undefined && this.#timer !== undefined) keepAlive(this.#timer, false)
  }

  /** Ends every wait. */
  close(): void {
    if (this.#timer !== undefined) this.#clock.clearTimeout(this.#timer)
    this.#timer = undefined
    for (let next = this.#first; next !== undefined; next = this.#first) {
      this.remove(next)
      next.close()
    }
  }

  #arm(ms: number, now: number): void {
    this.#timerDueAt = now + ms
    this.#timer = this.#clock.setTimeout(() => this.#fire(), ms)
    keepAlive(this.#timer, true)
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
    for (let next = this.#first; next !== undefined && next.dueAt <= now; next = this.#first) {
      this.remove(next)
      next.expire()
    }
    if (this.#first !== undefined && this.#timer === undefined) {
      this.#arm(Math.max(1, Math.ceil(this.#first.dueAt - now)), now)
    }
  }
}
