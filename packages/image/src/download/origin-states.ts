import type { Clock } from '@holdfast/core'
import { OriginBreaker } from './origin-breaker.ts'
import { OriginGate } from './origin-gate.ts'
import { RetryBudget } from './retry-budget.ts'

/** What is known of one origin. */
export interface OriginState {
  readonly gate: OriginGate
  readonly breaker: OriginBreaker
  readonly budget: RetryBudget
}

/** Where origins are open to all, their number is up to whoever asks. */
const mostOrigins = 1_000

/** What is known of each origin (scheme, host and port), of the last 1,000 that were asked. */
export class OriginStates {
  readonly #clock: Clock
  readonly #states = new Map<string, OriginState>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get size(): number {
    return this.#states.size
  }

  of(origin: string): OriginState {
    const state = this.#states.get(origin) ?? {
      gate: new OriginGate(),
      breaker: new OriginBreaker(this.#clock),
      budget: new RetryBudget(),
    }
    // Back to the end: a Map keeps the order of insertion, and the first is the one asked longest ago.
    this.#states.delete(origin)
    this.#states.set(origin, state)
    if (this.#states.size > mostOrigins) this.#makeRoom()
    return state
  }

  /** One that is being asked keeps its place, or its limit would not hold; few can be. */
  #makeRoom(): void {
    for (const [origin, { gate }] of this.#states) {
      if (!gate.isIdle) continue
      this.#states.delete(origin)
      return
    }
  }
}
