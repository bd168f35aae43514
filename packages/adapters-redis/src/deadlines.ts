import type { Clock } from '@holdfast/core'
import { DeadlineTimer } from '@holdfast/core/adapter'

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

/**
 * One queue with one timer for all answers that are waited for the same span. Who comes first is due first, so a
 * wait that ends in time costs two pointers, where a timer for each would cost a tenth of the command.
 */
export class Deadlines {
  readonly spanMs: number
  readonly #clock: Clock
  readonly #timer: DeadlineTimer
  #first: Waiting | undefined
  #last: Waiting | undefined

  constructor(clock: Clock, spanMs: number) {
    this.#clock = clock
    this.spanMs = spanMs
    this.#timer = new DeadlineTimer(clock, (now) => this.#expire(now))
  }

  add(waiting: Waiting): void {
    const now = this.#clock.monotonic()
    waiting.dueAt = now + this.spanMs
    waiting.isQueued = true
    waiting.before = this.#last
    if (this.#last === undefined) {
      this.#first = waiting
      this.#timer.isAwaited = true
    } else this.#last.behind = waiting
    this.#last = waiting
    this.#timer.watch(waiting.dueAt, now)
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
    if (this.#first === undefined) this.#timer.isAwaited = false
  }

  /** Ends every wait. */
  close(): void {
    this.#timer.stop()
    for (let next = this.#first; next !== undefined; next = this.#first) {
      this.remove(next)
      next.close()
    }
  }

  #expire(now: number): number | undefined {
    for (let next = this.#first; next !== undefined && next.dueAt <= now; next = this.#first) {
      this.remove(next)
      next.expire()
    }
    return this.#first?.dueAt
  }
}
