import { randomBytes } from 'node:crypto'
import type { Clock, StoreError } from '@holdfast/core'
import type { Connection } from './connection.ts'
import { Deadlines, Wait, Waiting } from './deadlines.ts'
import type { RedisClient } from './redis-client.ts'
import {
  closedError,
  type Place,
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

/** A command, or several that are written together, on their way. */
class Call<T> extends Waiting {
  readonly operation: string
  readonly send: (client: RedisClient) => Promise<T>
  readonly resolve: (value: T) => void
  readonly reject: (error: unknown) => void
  readonly fits: ((value: T) => boolean) | undefined
  /** Where it was written to; until then it waits for a connection. */
  client: RedisClient | undefined = undefined
  readonly #exchange: CallEnds

  constructor(
    exchange: CallEnds,
    operation: string,
    send: (client: RedisClient) => Promise<T>,
    resolve: (value: T) => void,
    reject: (error: unknown) => void,
    fits: ((value: T) => boolean) | undefined,
  ) {
    super()
    this.#exchange = exchange
    this.operation = operation
    this.send = send
    this.resolve = resolve
    this.reject = reject
    this.fits = fits
  }

  expire(): void {
    this.#exchange.expired(this)
  }

  close(): void {
    this.#exchange.closed(this)
  }
}

/** What is done about a call whose time is over. */
interface CallEnds {
  expired(call: EndedCall): void
  closed(call: EndedCall): void
}

interface EndedCall {
  readonly operation: string
  readonly client: RedisClient | undefined
  reject(error: unknown): void
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
  readonly #ends: CallEnds
  #proving: { readonly client: RedisClient; readonly over: Promise<void> } | undefined
  #unanswered = 0
  #closed = false

  constructor(options: ExchangeOptions) {
    this.#options = options
    this.#replies = new Deadlines(options.clock, options.commandTimeoutMs)
    this.#waits = new Deadlines(options.clock, connectionWaitMs)
    this.#ends = {
      expired: (call) => this.#expired(call),
      closed: (call) => call.reject(closedError(this.#place(call.operation))),
    }
  }

  /** How many commands are written and not answered, those that have run out of time included. */
  get unanswered(): number {
    return this.#unanswered
  }

  /**
   * Runs one command, or several that are written together. `send` rejects with `ReplyMismatch` where the reply is
   * none to the command.
   */
  run<T>(operation: string, send: (client: RedisClient) => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => this.begin(operation, send, resolve, reject))
  }

  /** As `run`, for a caller that has a promise already, and that sees whether a reply fits. */
  begin<T>(
    operation: string,
    send: (client: RedisClient) => Promise<T>,
    resolve: (value: T) => void,
    reject: (error: unknown) => void,
    fits?: (value: T) => boolean,
  ): void {
    if (this.#closed) {
      reject(closedError(this.#place(operation)))
      return
    }
    const call = new Call(this.#ends, operation, send, resolve, reject, fits)
    const client = this.#proving === undefined ? this.#options.connection.client : undefined
    if (client !== undefined) this.#write(client, call)
    else this.#wait(call)
  }

  close(): void {
    this.#closed = true
    this.#waits.close()
    this.#replies.close()
  }

  #write<T>(client: RedisClient, call: Call<T>): void {
    call.client = client
    this.#replies.add(call)
    this.#unanswered++
    call.send(client).then(
      (value) => {
        if (call.fits !== undefined && !call.fits(value)) {
          this.#failed(client, call, new ReplyMismatch())
          return
        }
        this.#unanswered--
        this.#replies.remove(call)
        call.resolve(value)
      },
      (error: unknown) => this.#failed(client, call, error),
    )
  }

  #failed<T>(client: RedisClient, call: Call<T>, error: unknown): void {
    this.#unanswered--
    this.#replies.remove(call)
    const failure = storeError(error, this.#place(call.operation)) as StoreError
    if (makesUseless(error))
      this.#options.connection.drop(client, failure, error instanceof ReplyMismatch)
    call.reject(failure)
  }

  #wait<T>(call: Call<T>): void {
    this.#waits.add(call)
    this.#connected().then(
      (client) => {
        // Out of the queue means that its caller has been told already: what is not written by then never is.
        if (!call.isQueued) return
        this.#waits.remove(call)
        this.#write(client, call)
      },
      (error: unknown) => {
        this.#waits.remove(call)
        call.reject(withoutConnection(error, this.#place(call.operation)))
      },
    )
  }

  async #connected(): Promise<RedisClient> {
    while (this.#proving !== undefined) await this.#proving.over
    return this.#options.connection.wait()
  }

  #expired(call: EndedCall): void {
    const place = this.#place(call.operation)
    if (call.client === undefined) {
      const { opening } = this.#options.connection
      call.reject(timedOut(place, connectionWaitMs, 'connectTimeout', opening))
      return
    }
    call.reject(timedOut(place, this.#options.commandTimeoutMs, 'commandTimeout'))
    this.#prove(call.client)
  }

  #place(operation: string): Place {
    return { store: this.#options.store, operation }
  }

  #prove(client: RedisClient): void {
    if (this.#proving?.client === client || this.#options.connection.client !== client) return
    const over = this.#answersTruly(client).then((isProved) => {
      this.#proving = undefined
      if (isProved || this.#closed) return
      const { connection, commandTimeoutMs } = this.#options
      connection.drop(client, timedOut(this.#place('ping'), commandTimeoutMs, 'commandTimeout'))
    })
    this.#proving = { client, over }
  }

  #answersTruly(client: RedisClient): Promise<boolean> {
    return new Promise((resolve) => {
      const wait = new Wait(
        () => resolve(false),
        () => resolve(false),
      )
      this.#replies.add(wait)
      const answered = (isTrue: boolean) => {
        this.#replies.remove(wait)
        resolve(isTrue)
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
async function witness(client: RedisClient): Promise<void> {
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
