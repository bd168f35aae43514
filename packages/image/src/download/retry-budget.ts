const share = 0.1
const most = 10

/**
 * How many requests may be sent again: one for every ten downloads, so that retries never become a second storm. It
 * begins with two, since a process that has just started would otherwise not try anything twice.
 */
export class RetryBudget {
  #tokens = 2

  /** A download begins. */
  earn(): void {
    this.#tokens = Math.min(most, this.#tokens + share)
  }

  /** Whether one more may be sent; takes it from the budget. */
  spend(): boolean {
    // Ten tenths are not quite one.
    if (this.#tokens < 1 - 1e-9) return false
    this.#tokens -= 1
    return true
  }
}
