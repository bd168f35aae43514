import type { Clock } from '../clock.ts'
import { asSideListener, isHeard, isSideListener } from '../observe/side-listener.ts'
import { unmet } from '../options/expectation.ts'
import { refuseUnknownName } from '../options/known-names.ts'

const warnEveryMs = 60_000

/** What `sessions.on('error', …)` is told. */
export interface SessionFailure {
  readonly error: Error
}

/**
 * Failures that a visitor got a 503 for, told to whoever listens. Where nobody does, one a minute becomes a warning of
 * the process, so that nothing is silently swallowed.
 */
export class Failures {
  readonly #clock: Clock
  readonly #listeners = new Set<(failure: SessionFailure) => void>()
  #warnedAt = Number.NEGATIVE_INFINITY

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** @throws InvalidOptionError */
  on(event: 'error', listener: (failure: SessionFailure) => void): () => void {
    refuseUnknownName(String(event), ['error'], 'on(event, listener) has no event')
    if (typeof listener !== 'function')
      throw unmet("the listener of on('error', listener)", 'a function', listener)
    const registered = (failure: SessionFailure) => listener(failure)
    this.#listeners.add(isSideListener(listener) ? asSideListener(registered) : registered)
    return () => this.#listeners.delete(registered)
  }

  tell(error: Error): void {
    if (!isHeard(this.#listeners)) this.#warn(error)
    for (const listener of this.#listeners) {
      try {
        listener({ error })
      } catch {
        // A listener that throws changes nothing for a request.
      }
    }
  }

  #warn(error: Error): void {
    const now = this.#clock.monotonic()
    if (now - this.#warnedAt < warnEveryMs) return
    this.#warnedAt = now
    process.emitWarning(`${error.name}: ${error.message}`, {
      type: 'HoldfastWarning',
      code: 'HOLDFAST_SESSION',
      detail:
        "Listen with sessions.on('error', …) to hear of each; without a listener one a minute is shown.",
    })
  }
}
