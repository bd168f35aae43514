import type { Clock } from '../clock.ts'

const longestPaceMs = 60_000
const share = 20
/** Beyond this the oldest is forgotten, and touched once more than it had to be. */
const mostRemembered = 100_000

interface Told {
  readonly at: number
  /** Until when the store keeps the session, as far as this process has told it. */
  readonly until: number
}

/**
 * When this process last told the store that a session is in use. It is told again when that moves the session's end
 * by a minute, or by a twentieth of its life where that is less. What is older than that is forgotten.
 */
export class TouchPace {
  readonly #clock: Clock
  /** In the order of their instants. */
  readonly #told = new Map<string, Told>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  isDue(id: string, lifeMs: number): boolean {
    const told = this.#told.get(id)
    if (told === undefined) return true
    const moved = Math.abs(this.#clock.monotonic() + lifeMs - told.until)
    return moved >= Math.min(longestPaceMs, lifeMs / share)
  }

  note(id: string, lifeMs: number): void {
    const at = this.#clock.monotonic()
    this.#told.delete(id)
    this.#told.set(id, { at, until: at + lifeMs })
    for (const [oldest, told] of this.#told) {
      if (at - told.at < longestPaceMs && this.#told.size <= mostRemembered) break
      this.#told.delete(oldest)
    }
  }

  forget(id: string): void {
    this.#told.delete(id)
  }

  /** For tests of boundedness. */
  get size(): number {
    return this.#told.size
  }
}
