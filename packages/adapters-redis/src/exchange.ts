import { randomBytes } from 'node:crypto'
import type { Clock, StoreError } from '@holdfast/core'
import type { Connection } from './connection.ts'
import { Deadlines } from './deadlines.ts'
import type { RedisClient } from './redis-client.ts'
import {
  closedError,
  ReplyMismatch,
  refusalCode,
  storeError,
  timedOut,
  withoutConnection,
} from './redis-errors.ts'

/**
 * How long a command that has not been written yet waits for a connection. As long as core gives all store work of a
 * call: what is written later than that would be written when nobody waits for it any more.
 */
const connectionWaitMs = 200

export interface ExchangeOptions {
  readonly connection: Connection
  readonly store: string
  readonly commandTimeoutMs: number
  readonly clock: Clock
}

/**
 * The way of every command: it waits for a connection, briefly; is written; and is answered by its deadline, one way
 * or another.
 *
 * Redis answers in order and without names, so one lost reply would give every later command the answer of another.
 * Therefore a connection on which a command ran out of time has to prove itself: a PING with a random word goes
 * behind, nothing else is written until its answer comes, and where another answer comes, or none, the connection
 * is given up.
 */
export class Exchange {
  readonly #options: ExchangeOptions
  readonly #replies: Deadlines
  readonly #waits: Deadlines
  #proving: { readonly client: RedisClient; readonly over: Promise<void> } | undefined
  #unanswered = 0
  #closed = false

  constructor(options: ExchangeOptions) {
    this.#options = options
    this.#replies = new Deadlines(options.clock, options.commandTimeoutMs)
    this.#waits = new Deadlines(options.clock, connectionWaitMs)
  }

  /** How many commands are written and not answered, those that have run out of time included. */
  get unanswered(): number {
    return this.#unanswered
  }

  /**
   * Runs one command, or several that are written together. `send` throws `ReplyMismatch`, or rejects with it, where
   * the reply is none to the command.
   */
  run<T>(operation: string, send: (client: RedisClient) => Promise<T>): Promise<T> {
    if (this.#closed) return Promise.reject(closedError({ store: this.#options.store, operation }))
    const client = this.#proving === undefined ? this.#options.connection.client : undefined
    if (client !== undefined) return this.#send(client, operation, send)
    return this.#wait(operation).then((connected) => this.#send(connected, operation, send))
  }

  close(): void {
    this.#closed = true
    this.#waits.close()
    this.#replies.close()
  }

  #send<T>(
    client: RedisClient,
    operation: string,
    send: (client: RedisClient) => Promise<T>,
  ): Promise<T> {
    return new Promise((resolve, reject) => {
      const { store, commandTimeoutMs } = this.#options
      const place = { store, operation }
      const done = this.#replies.add({
        expire: () => {
          reject(timedOut(place, commandTimeoutMs, 'commandTimeout'))
          this.#prove(client)
        },
        close: () => reject(closedError(place)),
      })
      this.#unanswered++
      send(client).then(
        (value) => {
          this.#unanswered--
          done()
          resolve(value)
        },
        (error: unknown) => {
          this.#unanswered--
          done()
          const failure = storeError(error, place) as StoreError
          if (makesUseless(error)) this.#options.connection.drop(client, failure)
          reject(failure)
        },
      )
    })
  }

  #wait(operation: string): Promise<RedisClient> {
    return new Promise((resolve, reject) => {
      const place = { store: this.#options.store, operation }
      const done = this.#waits.add({
        expire: () => reject(timedOut(place, connectionWaitMs, 'connectTimeout')),
        close: () => reject(closedError(place)),
      })
      this.#connected().then(
        (client) => {
          done()
          resolve(client)
        },
        (error: unknown) => {
          done()
          reject(withoutConnection(error, place))
        },
      )
    })
  }

  async #connected(): Promise<RedisClient> {
    while (this.#proving !== undefined) await this.#proving.over
    return this.#options.connection.wait()
  }

  #prove(client: RedisClient): void {
    if (this.#proving?.client === client || this.#options.connection.client !== client) return
    const over = this.#ping(client).then((isProved) => {
      this.#proving = undefined
      if (isProved || this.#closed) return
      const { connection, store, commandTimeoutMs } = this.#options
      const place = { store, operation: 'ping' }
      connection.drop(client, timedOut(place, commandTimeoutMs, 'commandTimeout'))
    })
    this.#proving = { client, over }
  }

  #ping(client: RedisClient): Promise<boolean> {
    return new Promise((resolve) => {
      const done = this.#replies.add({
        expire: () => resolve(false),
        close: () => resolve(false),
      })
      const answered = (isProved: boolean) => {
        done()
        resolve(isProved)
      }
      witness(client).then(
        () => answered(true),
        () => answered(false),
      )
    })
  }
}

/**
 * Rejects unless the server answers to a random word with this word, which proves that the replies before it went to
 * their own commands.
 */
export async function witness(client: RedisClient): Promise<void> {
  const word = randomBytes(6)
  try {
    const reply = await client.callBuffer('PING', [word])
    if (!Buffer.isBuffer(reply) || !reply.equals(word)) throw new ReplyMismatch()
  } catch (error) {
    // Without the right to PING there is an answer at least.
    if (refusalCode(error) !== 'NOPERM') throw error
  }
}

/** Whether an error says that nothing sensible can come over this connection any more. */
function makesUseless(error: unknown): boolean {
  if (error instanceof ReplyMismatch) return true
  const code = refusalCode(error)
  return code === 'NOAUTH' || code === 'READONLY'
}
