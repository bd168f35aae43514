import type { Clock } from '../clock.ts'
import { StoreError } from '../errors.ts'
import { type Deadlines, Expiring } from '../resilience/deadlines.ts'

/** What an operation ends with that is let go. */
export class LetGo extends Error {}

/** The operations of a store that are under way: each ends by its deadline, or when all are let go. */
export class StoreOperations {
  readonly #store: string
  readonly #clock: Clock
  readonly #deadlines: Deadlines
  readonly #pending = new Set<Operation<unknown>>()

  /** @param store its name, for messages. */
  constructor(store: string, clock: Clock, deadlines: Deadlines) {
    this.#store = store
    this.#clock = clock
    this.#deadlines = deadlines
  }

  /** @throws StoreError, as a rejection, after `ms`. */
  run<T>(ms: number, operation: string, run: () => Promise<T>): Promise<T> {
    if (ms <= 0) return Promise.reject(this.timedOut(operation, 0))
    return new Promise<T>((resolve, reject) => {
      const pending = new Operation<T>(
        (value) => {
          this.#pending.delete(pending as Operation<unknown>)
          resolve(value)
        },
        (error) => {
          this.#pending.delete(pending as Operation<unknown>)
          reject(error)
        },
        () => this.timedOut(operation, ms),
      )
      this.#pending.add(pending as Operation<unknown>)
      // Whole milliseconds, so that operations share few lanes.
      this.#deadlines.add(pending, Math.ceil(ms), this.#clock.monotonic())
      const end = () => this.#deadlines.remove(pending)
      let answer: Promise<T>
      try {
        answer = run()
      } catch (error) {
        end()
        pending.reject(error)
        return
      }
      answer.then(
        (value) => {
          end()
          pending.resolve(value)
        },
        (error: unknown) => {
          end()
          pending.reject(error)
        },
      )
    })
  }

  /** The callers of a store that does not answer should not have to wait for their deadlines one by one. */
  letGo(): void {
    for (const operation of [...this.#pending]) {
      this.#deadlines.remove(operation)
      operation.reject(new LetGo())
    }
  }

  timedOut(operation: string, ms: number): StoreError {
    return new StoreError(
      `${operation} on the store '${this.#store}' took longer than the ${Math.round(ms)} ms that were left of resilience.storeTimeout`,
      { kind: 'timeout', store: this.#store, operation },
    )
  }
}

class Operation<T> extends Expiring {
  readonly resolve: (value: T) => void
  readonly reject: (error: unknown) => void
  readonly #timedOut: () => StoreError

  constructor(
    resolve: (value: T) => void,
    reject: (error: unknown) => void,
    timedOut: () => StoreError,
  ) {
    super()
    this.resolve = resolve
    this.reject = reject
    this.#timedOut = timedOut
  }

  expire(): void {
    this.reject(this.#timedOut())
  }
}
