import { type Clock, keepAlive, type TimerHandle } from '../clock.ts'

/** A timer that fires this much too late tells of a blocked event loop and not of a slow answer. */
const lateMs = 20
/**
 * After a block: time to read what has long been waiting in the socket. Core's own deadlines of loads (resilience/) wait
 * for one turn of the event loop instead, since what ends a load need not come out of a socket.
 */
const graceMs = 50
/** Blocks that follow each other are forgiven so often; a loop that is always late is no excuse for ever. */
const forgivenInARow = 2

/**
 * One timer for all answers that are waited for. Waits of the same span fall due in the order in which they began, so
 * the one timer stands for the first of them, and those that end in time cost nothing.
 */
export class DeadlineTimer {
  readonly #clock: Clock
  readonly #onDue: (now: number) => number | undefined
  #timer: TimerHandle | undefined
  #dueAt = 0
  #forgiven = 0
  #isAwaited = true

  /** `onDue` ends what is due at `now`, and answers when the next is, if there is one. Both are on `clock.monotonic()`. */
  constructor(clock: Clock, onDue: (now: number) => number | undefined) {
    this.#clock = clock
    this.#onDue = onDue
  }

  /** Has something fall due at `dueAt`, which is no earlier than what is watched already. */
  watch(dueAt: number, now: number): void {
    // A timer that is armed is left to fire and find out: commands one after the other arm one, not one each.
    if (this.#timer === undefined) this.#arm(dueAt, now)
  }

  /** Whether anybody waits, which is why a process goes on. Default true; where nobody does, no grace is given either. */
  set isAwaited(isAwaited: boolean) {
    this.#isAwaited = isAwaited
    if (this.#timer !== undefined) keepAlive(this.#timer, isAwaited)
  }

  stop(): void {
    if (this.#timer !== undefined) this.#clock.clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #arm(dueAt: number, now: number): void {
    this.#dueAt = dueAt
    this.#timer = this.#clock.setTimeout(() => this.#fire(), Math.max(1, Math.ceil(dueAt - now)))
    keepAlive(this.#timer, this.#isAwaited)
  }

  #fire(): void {
    this.#timer = undefined
    const now = this.#clock.monotonic()
    if (now - this.#dueAt > lateMs && this.#isAwaited && this.#forgiven < forgivenInARow) {
      this.#forgiven++
      this.#arm(now + graceMs, now)
      return
    }
    this.#forgiven = 0
    const nextAt = this.#onDue(now)
    if (nextAt !== undefined && this.#timer === undefined) this.#arm(nextAt, now)
  }
}
