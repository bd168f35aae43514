import type { Clock } from '../clock.ts'

const longestPaceMs = 60_000
const share = 20
/** Beyond this the oldest is forgotten, and touched once more than it had to be. */
const mostRemembered = 100_000

/**
 * When this process last told the store that a session is in use: once in the smaller of a minute and a twentieth of
 * the idle timeout is enough. What is older than that is forgotten.
 */
export class TouchPace {
  readonly paceMs: number
  readonly #clock: Clock
  /** In the order of their instants. */
  readonly #touchedAt = new Map<string, number>()

  constructor(clock: Clock, idleMs: number) {
    this.#clock = clock
    this.paceMs = Math.min(longestPaceMs, idleMs / share)
  }

  isDue(id: string): boolean {
    const at = this.#touchedAt.get(id)
    return at === undefined || this.#clock.monotonic() - at >= this.paceMs
  }

  note(id: string): void {
    const now = this.#clock.monotonic()
    this.#touchedAt.delete(id)
    this.#touchedAt.set(id, now)
    for (const [oldest, at] of this.#touchedAt) {
      if (now - at < this.paceMs && this.#touchedAt.size <= mostRemembered) break
      this.#touchedAt.delete(oldest)
    }
  }

  forget(id: string): void {
    this.#touchedAt.delete(id)
  }

  /** For tests of boundedness. */
  get size(): number {
    return this.#touchedAt.size
  }
}
