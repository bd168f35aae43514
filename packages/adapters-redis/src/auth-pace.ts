import type { Clock } from '@holdfast/core'
import { sleep } from './clock.ts'

/** The least time between two tries to log in. */
const paceMs = 1_000

/** When this process was last refused, by server and user: shared by all stores, since the server counts all alike. */
const refusedAt = new Map<string, number>()

/**
 * Keeps a process from hammering a server with a wrong password: the connections of one store log in at most once a
 * second, and after a refusal so do all stores of the process that use the same server and user.
 */
export class AuthPace {
  readonly #clock: Clock
  readonly #server: string
  #nextAt = Number.NEGATIVE_INFINITY

  constructor(clock: Clock, server: string) {
    this.#clock = clock
    this.#server = server
  }

  /** Waits for this connection's turn to log in. */
  async turn(): Promise<void> {
    for (;;) {
      const now = this.#clock.monotonic()
      const afterRefusal = (refusedAt.get(this.#server) ?? Number.NEGATIVE_INFINITY) + paceMs
      const waitMs = Math.max(this.#nextAt, afterRefusal) - now
      if (waitMs <= 0) break
      await sleep(this.#clock, waitMs)
    }
    this.#nextAt = this.#clock.monotonic() + paceMs
    // Who goes first holds the others back until it knows, so that two do not fail at the same moment.
    if (refusedAt.has(this.#server)) refusedAt.set(this.#server, this.#clock.monotonic())
  }

  refused(): void {
    refusedAt.set(this.#server, this.#clock.monotonic())
  }

  accepted(): void {
    refusedAt.delete(this.#server)
  }
}
