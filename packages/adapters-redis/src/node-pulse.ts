import { type Clock, StoreError, type TimerHandle } from '@holdfast/core'
import type { Deadlines } from './deadlines.ts'
import { Wait } from './deadlines.ts'
import type { Exchange } from './exchange.ts'
import { refusalCode, timedOut } from './redis-errors.ts'

const probePauseMs = 200

/**
 * Whether one node of several answers. It is given less time than a call has for all its store work, so that the call
 * can go on without it; and once it has let a command wait that long, and said nothing else since, nobody waits for it
 * any more until it answers a PING.
 */
export class NodePulse {
  readonly #exchange: Exchange
  readonly #deadlines: Deadlines
  readonly #clock: Clock
  readonly #store: string
  #heardAt = Number.NEGATIVE_INFINITY
  #isSilent = false
  #timer: TimerHandle
  #closed = false

  constructor(exchange: Exchange, deadlines: Deadlines, clock: Clock, store: string) {
    this.#exchange = exchange
    this.#deadlines = deadlines
    this.#clock = clock
    this.#store = store
  }

  get isSilent(): boolean {
    return this.#isSilent
  }

  /** What `send` answers, unless the node is silent or becomes it. @throws StoreError, as a rejection. */
  within<T>(operation: string, send: () => Promise<T>): Promise<T> {
    if (this.#isSilent) return Promise.reject(this.#silent(operation))
    const sentAt = this.#clock.monotonic()
    return new Promise<T>((resolve, reject) => {
      const wait = new Wait(
        () => {
          if (this.#heardAt <= sentAt) this.#fellSilent()
          const place = { store: this.#store, operation }
          reject(timedOut(place, this.#deadlines.spanMs, 'commandTimeout'))
        },
        () => undefined,
      )
      this.#deadlines.add(wait)
      send().then(
        (value) => {
          this.#heard()
          this.#deadlines.remove(wait)
          resolve(value)
        },
        (error: unknown) => {
          if (isAnswer(error)) this.#heard()
          this.#deadlines.remove(wait)
          reject(error)
        },
      )
    })
  }

  #heard(): void {
    this.#heardAt = this.#clock.monotonic()
    this.#isSilent = false
  }

  #fellSilent(): void {
    if (this.#isSilent || this.#closed) return
    this.#isSilent = true
    this.#probe()
  }

  #probe(): void {
    const again = (error: unknown) => {
      if (refusalCode(error) !== undefined || isAnswer(error)) this.#heard()
      if (this.#closed || !this.#isSilent) return
      this.#timer = this.#clock.setTimeout(() => this.#probe(), probePauseMs)
    }
    this.#exchange
      .run('ping', (client) => client.callBuffer('PING', []))
      .then(() => this.#heard(), again)
  }

  #silent(operation: string): StoreError {
    return new StoreError(
      `${operation} on the store '${this.#store}' failed: the node that has the key does not answer at present`,
      { kind: 'unavailable', store: this.#store, operation },
    )
  }

  close(): void {
    this.#closed = true
    this.#clock.clearTimeout(this.#timer)
  }
}

/** A refusal is an answer. */
function isAnswer(error: unknown): boolean {
  return error instanceof StoreError && error.kind !== 'timeout' && error.kind !== 'unavailable'
}
