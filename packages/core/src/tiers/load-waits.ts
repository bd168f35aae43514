import type { Clock } from '../clock.ts'

/** How often those who wait look: soon at first, later in proportion to how long it has taken. */
const leastPauseMs = 5
const mostPauseMs = 80
const pauseShare = 1 / 8

/** Those who wait for what another process loads: each pauses between two looks, unless it is told that the load is done. */
export class LoadWaits {
  readonly #clock: Clock
  readonly #wakers = new Map<string, Set<() => void>>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** A pause before the next look at a key of the store; `waitedMs`: how long it has been so far. */
  pause(key: string, waitedMs: number): Promise<void> {
    const share = Math.min(mostPauseMs, Math.max(leastPauseMs, waitedMs * pauseShare))
    return new Promise((resolve) => {
      const wakers = this.#wakers.get(key) ?? new Set()
      this.#wakers.set(key, wakers)
      const wake = () => {
        this.#clock.clearTimeout(timer)
        wakers.delete(wake)
        if (wakers.size === 0 && this.#wakers.get(key) === wakers) this.#wakers.delete(key)
        resolve()
      }
      const timer = this.#clock.setTimeout(wake, share * (0.75 + this.#clock.random() / 2))
      wakers.add(wake)
    })
  }

  /** Those who wait for this key look at once. */
  wake(key: string): void {
    for (const wake of [...(this.#wakers.get(key) ?? [])]) wake()
  }

  wakeAll(): void {
    for (const key of [...this.#wakers.keys()]) this.wake(key)
  }

  /** Keys that somebody waits for. */
  get size(): number {
    return this.#wakers.size
  }
}
