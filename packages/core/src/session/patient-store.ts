import type { Clock } from '../clock.ts'
import { StoreError } from '../errors.ts'
import { Deadlines, Patience } from '../resilience/deadlines.ts'
import type { Store } from '../store/store.ts'
import { SessionError, sessionError } from './session-error.ts'

export interface PatienceSettings {
  /** How long an operation is tried again before its caller is told. */
  readonly retryForMs: number
  /** So many operations at most wait for their next try. */
  readonly maxWaiting: number
}

/** How long one try may take. A refusal of the server reaches the caller well within it. */
const tryMs = 500
/** A demoted primary is given this long to be found out by its client; then the refusal is told. */
const readOnlyMs = 400
const firstPauseMs = 25
const longestPauseMs = 250

/** What one request has lost in waiting for its store, over all its operations. */
export class Waited {
  ms = 0
}

/**
 * A store for what must not be lost: a cache gives up at once and loads, a session cannot be loaded from anywhere
 * else. Failures that may pass are tried again with jittered pauses within one span for each request, by a bounded
 * number of operations; refusals reject at once. Whoever sends something through it must be able to bear that it is
 * carried out twice.
 */
export class PatientStore {
  readonly store: Store
  readonly #clock: Clock
  readonly #settings: PatienceSettings
  readonly #deadlines: Deadlines
  readonly #onFailure: (error: SessionError) => void
  #waiting = 0
  retries = 0

  constructor(
    store: Store,
    clock: Clock,
    settings: PatienceSettings,
    onFailure: (error: SessionError) => void = () => undefined,
  ) {
    this.store = store
    this.#onFailure = onFailure
    this.#clock = clock
    this.#settings = settings
    this.#deadlines = new Deadlines(clock)
  }

  /** Operations that wait for their next try. */
  get waiting(): number {
    return this.#waiting
  }

  /** @throws SessionError by rejecting. */
  async run<T>(operation: string, send: (store: Store) => Promise<T>, waited: Waited): Promise<T> {
    const { retryForMs, maxWaiting } = this.#settings
    // The store is known not to answer, and as many wait for it as may. Where nobody may, nobody knows.
    if (this.#waiting > 0 && this.#waiting >= maxWaiting)
      throw this.#failed(this.#overloaded(operation))
    const clock = this.#clock
    const begunAt = clock.monotonic()
    let spanMs = Math.max(tryMs, retryForMs - waited.ms)
    let isWaiting = false
    let refusal: unknown
    try {
      for (let tries = 1; ; tries++) {
        try {
          const leftMs = spanMs - (clock.monotonic() - begunAt)
          return await this.#within(Math.min(tryMs, leftMs), operation, send)
        } catch (error) {
          const tookMs = clock.monotonic() - begunAt
          if (isDemoted(error)) {
            refusal ??= error
            spanMs = Math.min(spanMs, readOnlyMs)
          }
          const pauseMs = clock.random() * Math.min(longestPauseMs, firstPauseMs * 2 ** tries) + 1
          if (!mayPass(error) || tookMs + pauseMs >= spanMs) throw refusal ?? error
          if (!isWaiting) {
            if (this.#waiting >= maxWaiting) throw this.#overloaded(operation, error)
            isWaiting = true
            this.#waiting++
          }
          await this.#pause(pauseMs)
          this.retries++
        }
      }
    } catch (error) {
      throw this.#failed(sessionError(error, operation, this.store.name, this.#retryAfterS()))
    } finally {
      if (isWaiting) {
        this.#waiting--
        waited.ms += clock.monotonic() - begunAt
      }
    }
  }

  #failed(error: SessionError): SessionError {
    this.#onFailure(error)
    return error
  }

  /** Spread over three seconds, so that those who were sent away do not all come back at once. */
  #retryAfterS(): number {
    return 1 + Math.floor(this.#clock.random() * 3)
  }

  #overloaded(operation: string, cause?: unknown): SessionError {
    const { maxWaiting } = this.#settings
    return new SessionError(
      `${maxWaiting} operations wait for the store '${this.store.name}' already, and no more may (maxWaiting)`,
      {
        kind: 'overloaded',
        store: this.store.name,
        operation,
        retryAfterS: this.#retryAfterS(),
        cause,
      },
    )
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.#clock.setTimeout(resolve, ms)
    })
  }

  #within<T>(ms: number, operation: string, send: (store: Store) => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const patience = new Patience(() =>
        reject(
          new StoreError(
            `${operation} on the store '${this.store.name}' took longer than ${Math.round(ms)} ms`,
            { kind: 'timeout', store: this.store.name, operation },
          ),
        ),
      )
      // Whole milliseconds, so that operations share few lanes.
      this.#deadlines.add(patience, Math.max(1, Math.ceil(ms)), this.#clock.monotonic())
      const end = () => this.#deadlines.remove(patience)
      let answer: Promise<T>
      try {
        answer = send(this.store)
      } catch (error) {
        end()
        reject(error)
        return
      }
      answer.then(
        (value) => {
          end()
          resolve(value)
        },
        (error: unknown) => {
          end()
          reject(error)
        },
      )
    })
  }
}

/** A primary that has become a replica; its client may be about to find the new primary. */
const isDemoted = (error: unknown) =>
  error instanceof StoreError && error.kind === 'read-only' && error.retryable

function mayPass(error: unknown): boolean {
  if (!(error instanceof StoreError) || error instanceof SessionError) return false
  return error.retryable || error.kind === 'protocol'
}
