import type { Clock, StoreError } from '@holdfast/core'
import { sleep } from '@holdfast/core/adapter'

/** The least time between two tries to log in. */
const paceMs = 1_000

/** How long the bus lets the commands go first, before it looks again. */
const yieldMs = 20

/** What this process knows about one user of one server. All its stores share it, since the server counts them alike. */
interface Account {
  /** The last try was accepted: others may try at the same time. */
  isProven: boolean
  refusedAt: number
  /** A try whose outcome the others wait for. */
  trying: Promise<Verdict> | undefined
}

const accounts = new Map<string, Account>()

/** How a try to log in ended; `undecided`: the server was lost before it said anything. A refusal is its error. */
export type Verdict = 'accepted' | 'undecided' | StoreError

/**
 * Keeps a process from hammering a server with a wrong password: the connections of one store log in at most once a
 * second, and while a password is not known to be right, so do all stores of the process that use it.
 */
export class AuthPace {
  readonly #clock: Clock
  readonly #account: Account
  #nextAt = Number.NEGATIVE_INFINITY
  #commandsWait = false

  /** `server` names server and user. */
  constructor(clock: Clock, server: string) {
    this.#clock = clock
    this.#account = accounts.get(server) ?? {
      isProven: false,
      refusedAt: Number.NEGATIVE_INFINITY,
      trying: undefined,
    }
    accounts.set(server, this.#account)
  }

  /**
   * Waits for the turn to log in. The answer is called with how that ended. Where somebody else of this process is
   * refused meanwhile with the same password, it rejects with that refusal: a try would only be refused, too.
   */
  async turn(purpose: 'commands' | 'bus' = 'commands'): Promise<(verdict: Verdict) => void> {
    const isFirst = purpose === 'commands'
    if (isFirst) this.#commandsWait = true
    try {
      return await this.#turn(isFirst)
    } finally {
      if (isFirst) this.#commandsWait = false
    }
  }

  async #turn(isFirst: boolean): Promise<(verdict: Verdict) => void> {
    const account = this.#account
    // A cache without its bus is only more careful; without its commands it is none. It starts both at once, bus first.
    if (!isFirst) await sleep(this.#clock, yieldMs)
    for (;;) {
      if (!isFirst && this.#commandsWait) {
        await sleep(this.#clock, yieldMs)
        continue
      }
      if (account.trying !== undefined && !account.isProven) {
        const verdict = await account.trying
        if (typeof verdict === 'object') throw verdict
        continue
      }
      const dueAt = Math.max(this.#nextAt, account.refusedAt + paceMs)
      const waitMs = dueAt - this.#clock.monotonic()
      if (waitMs <= 0) break
      await sleep(this.#clock, waitMs)
    }
    this.#nextAt = this.#clock.monotonic() + paceMs
    let over = (_: Verdict) => {}
    const trying = new Promise<Verdict>((resolve) => {
      over = resolve
    })
    account.trying = trying
    return (verdict) => {
      if (account.trying === trying) account.trying = undefined
      if (verdict === 'accepted') account.isProven = true
      if (typeof verdict === 'object') {
        account.isProven = false
        account.refusedAt = this.#clock.monotonic()
      }
      over(verdict)
    }
  }
}
