import { type Clock, type ClosedError, StoreError, type TimerHandle } from '@holdfast/core'
import type { OpenClient } from './open-client.ts'
import { cutOff, type RedisClient } from './redis-client.ts'
import { closedError, type Place, storeError } from './redis-errors.ts'

/** Something that has a client, or will have one again. */
export interface Connection {
  /** The client, where a command may be written to it right now. */
  readonly client: RedisClient | undefined
  /** A client that is being connected. */
  readonly opening?: RedisClient | undefined
  /** It was lost, or could not be made: whoever asks now is told so at once. */
  readonly isAway: boolean
  /** The client, as soon as there is one. Rejects at once where the last try has failed and the next is not due. */
  wait(): Promise<RedisClient>
  /** Gives `client` up: it does not answer, or its answers cannot be believed, which says nothing against the server. */
  drop(client: RedisClient, reason: StoreError, isAlone?: boolean): void
  close(): void
}

export interface OwnConnectionOptions {
  readonly open: OpenClient
  readonly clock: Clock
  readonly store: string
  onUp?(client: RedisClient): void
  onDown?(): void
}

/**
 * Each try after a loss comes at a random moment of this span, so that the processes of a fleet which all lost the
 * same server at once do not come back at once: of 50, fewer than a fifth in any tenth of a second. A longer span
 * would find a server that is back too late.
 */
const retrySpanMs = 1_500
const shortestRetryMs = 20
const refusedRetryMs = 800
/** A fleet that is told at once where to go now spreads over this span, as the wait for it counts. */
const hurriedRetryMs = 400

type State = 'idle' | 'opening' | 'up' | 'away' | 'closed'

/**
 * A connection of our own: opened at its first use, opened again for ever after a loss, each time with a new client.
 */
export class OwnConnection implements Connection {
  readonly #options: OwnConnectionOptions
  #state: State = 'idle'
  #client: RedisClient | undefined
  #opening: Promise<RedisClient> | undefined
  #begun: RedisClient | undefined
  #failure: StoreError | ClosedError | undefined
  /** Asked to hurry while a try was under way, which may have gone to the wrong place. */
  #isHurried = false
  #upAt = 0
  #retry: TimerHandle | undefined

  constructor(options: OwnConnectionOptions) {
    this.#options = options
  }

  get client(): RedisClient | undefined {
    return this.#client
  }

  get opening(): RedisClient | undefined {
    return this.#begun
  }

  get isAway(): boolean {
    return this.#client === undefined && this.#failure !== undefined
  }

  wait(): Promise<RedisClient> {
    if (this.#client !== undefined) return Promise.resolve(this.#client)
    if (this.#state === 'closed') return Promise.reject(closedError(this.#place))
    if (this.#failure !== undefined) return Promise.reject(this.#failure)
    return this.#opening ?? this.#open()
  }

  drop(client: RedisClient, reason: StoreError, isAlone = false): void {
    // Whoever finds out later finds it given up already.
    if (client !== this.#client) return
    // The server is there and no fleet comes back with this one, so it need not wait for its turn; unless the next one
    // goes the same way.
    const isSoon = isAlone && this.#options.clock.monotonic() - this.#upAt >= retrySpanMs
    this.#lost(client, reason, isSoon ? shortestRetryMs : undefined)
    cutOff(client)
  }

  /** Somebody knows that things have changed: the next try is due soon, whatever became of those before. */
  hurry(): void {
    if (this.#state !== 'away') {
      this.#isHurried = this.#state === 'opening'
      return
    }
    this.#options.clock.clearTimeout(this.#retry)
    this.#retryWithin(hurriedRetryMs)
  }

  close(): void {
    this.#state = 'closed'
    this.#options.clock.clearTimeout(this.#retry)
    const client = this.#client
    this.#client = undefined
    if (client !== undefined) cutOff(client)
  }

  get #place(): Place {
    return { store: this.#options.store, operation: 'connect' }
  }

  #open(): Promise<RedisClient> {
    this.#state = 'opening'
    const begun = (client: RedisClient) => {
      this.#begun = client
    }
    const opening = this.#options.open(begun).then(
      (client) => this.#opened(client),
      (error: unknown) => {
        throw this.#notOpened(error)
      },
    )
    // Tried again in the background, where nobody waits for it.
    opening.catch(() => undefined)
    this.#opening = opening
    return opening
  }

  #opened(client: RedisClient): RedisClient {
    this.#opening = undefined
    this.#begun = undefined
    if (this.#state === 'closed') {
      cutOff(client)
      throw closedError(this.#place)
    }
    if (client.status !== 'ready') throw this.#notOpened(this.lostError())
    this.#state = 'up'
    this.#upAt = this.#options.clock.monotonic()
    this.#client = client
    this.#failure = undefined
    client.on('close', () => this.#lost(client, this.lostError()))
    client.on('error', (error: Error) => {
      // A reply that no command waits for: from here on all replies may be one too late.
      if (error.message.startsWith('Command queue state error')) {
        this.drop(client, storeError(error, this.#place) as StoreError, true)
      }
    })
    this.#options.onUp?.(client)
    return client
  }

  lostError(): StoreError {
    return new StoreError(`the connection of the store '${this.#options.store}' was lost`, {
      kind: 'unavailable',
      store: this.#options.store,
      operation: 'connect',
    })
  }

  #notOpened(error: unknown): StoreError | ClosedError {
    this.#opening = undefined
    this.#begun = undefined
    const failure = storeError(error, this.#place)
    if (this.#state === 'closed') return closedError(this.#place)
    this.#failure = failure
    this.#later()
    return failure
  }

  #lost(client: RedisClient, reason: StoreError, withinMs?: number): void {
    if (client !== this.#client) return
    this.#client = undefined
    this.#failure = reason
    this.#later(withinMs)
    this.#options.onDown?.()
  }

  #later(withinMs?: number): void {
    this.#state = 'away'
    const isHurried = this.#isHurried
    this.#isHurried = false
    // A refused password is tried again at the pace of logging in, which has its own bound.
    const isRefused = this.#failure instanceof StoreError && this.#failure.kind === 'auth'
    const usualMs = isRefused ? refusedRetryMs : isHurried ? hurriedRetryMs : retrySpanMs
    this.#retryWithin(withinMs ?? usualMs)
  }

  #retryWithin(spanMs: number): void {
    const { clock } = this.#options
    const delayMs = Math.max(shortestRetryMs, clock.random() * spanMs)
    this.#retry = clock.setTimeout(() => {
      if (this.#state === 'away') this.#open()
    }, delayMs)
  }
}
