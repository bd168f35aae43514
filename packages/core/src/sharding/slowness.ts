const windowMs = 1_000
const leastOperations = 20
const badShare = 0.5
const badWindows = 2

/**
 * Tells a server that is too slow from a client that is too busy. Operations that run out of time while the server
 * answers others are no sign of death: a burst of calls, or a busy event loop, does that to all servers at once. Only
 * where half of them run out of time for two seconds on end the server is taken for slow.
 */
export class Slowness {
  #windowFrom = 0
  #operations = 0
  #late = 0
  #bad = 0

  /** An operation has ended. True if the server is to be taken out for it. */
  note(isLate: boolean, now: number): boolean {
    if (now - this.#windowFrom >= windowMs) {
      const wasBad =
        this.#operations >= leastOperations && this.#late >= this.#operations * badShare
      this.#bad = wasBad ? this.#bad + 1 : 0
      this.#windowFrom = now
      this.#operations = 0
      this.#late = 0
    }
    this.#operations++
    if (isLate) this.#late++
    if (this.#bad < badWindows) return false
    this.#bad = 0
    return true
  }
}
