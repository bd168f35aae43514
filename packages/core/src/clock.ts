/**
 * The only place that reads time or chance. Everything else is handed a `Clock`, so a test can own both
 * (`fakeClock` in `@holdfast/core/testing`).
 */

/** What `setTimeout` of a clock hands out; opaque to everybody else. */
export type TimerHandle = unknown

export interface Clock {
  /** Unix milliseconds, for instants that leave the process. May step when the machine's time is set. */
  now(): number
  /** Milliseconds since an arbitrary start; never goes back. Every span inside a process is measured with it. */
  monotonic(): number
  /** A number from 0 (inclusive) to 1 (exclusive). */
  random(): number
  setTimeout(callback: () => void, ms: number): TimerHandle
  clearTimeout(timer: TimerHandle): void
}

/** The machine's own time and chance: the default of every `clock` option. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  random: () => Math.random(),
  // A timer of more than 2^31-1 ms would fire at once in Node; nothing here needs to wake up that late.
  setTimeout: (callback, ms) => setTimeout(callback, Math.min(ms, 0x7fff_ffff)),
  clearTimeout: (timer) => clearTimeout(timer as NodeJS.Timeout),
}

/**
 * Whether a waiting timer keeps the process alive. Only Node's own timers know the question; the timers of a
 * fake clock do not keep anything alive.
 */
export function keepAlive(timer: TimerHandle, alive: boolean): void {
  const node = timer as { ref?: () => void; unref?: () => void } | undefined
  if (alive) node?.ref?.()
  else node?.unref?.()
}

/** Taken before a test can replace it: one that its fake timers swallowed would be waited for without end. */
const inNextTurn = globalThis.setImmediate

/** Runs `callback` when this turn of the event loop has read what there was to read. It waits for nobody and reads no time. */
export function whenTurnEnds(callback: () => void): void {
  inNextTurn(callback)
}

const reusesPerReading = 32

/**
 * A monotonic reading in whole milliseconds for the near hit, where reading the clock would cost a third of the call.
 * While hits follow each other within one millisecond, a reading is used up to 32 times, and never after the turn of
 * the event loop in which a 1 ms timer fires. A clock that somebody injected is always read exactly.
 */
export class CoarseTime {
  readonly #clock: Clock
  #reading = -1
  #reuses = 0
  #armedAt = Number.NEGATIVE_INFINITY
  #timer: NodeJS.Timeout | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  now(): number {
    if (this.#reuses === 0) return this.#read()
    this.#reuses--
    return this.#reading
  }

  #read(): number {
    const now = Math.trunc(this.#clock.monotonic())
    // Armed only when busy: a lone hit pays for one exact reading and no timer. A timer that a test's fake timers
    // swallowed is not waited for.
    if (now === this.#reading && this.#clock === systemClock) {
      this.#reuses = reusesPerReading
      if (now - this.#armedAt > 100) {
        this.#armedAt = now
        // While calls follow each other without an end of the turn none fires: one waits, not one for each 100 ms.
        this.#timer?.close?.()
        this.#timer = setTimeout(this.#expire, 1).unref()
      }
    }
    this.#reading = now
    return now
  }

  readonly #expire = () => {
    this.#armedAt = Number.NEGATIVE_INFINITY
    this.#reuses = 0
  }
}
