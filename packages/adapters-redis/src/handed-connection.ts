import { StoreError } from '@holdfast/core'
import type { Connection } from './connection.ts'
import { cutOff, type RedisClient } from './redis-client.ts'

/** A client that somebody else owns: it reconnects by its own rules and stays open. */
export class HandedConnection implements Connection {
  readonly #handed: RedisClient
  readonly #store: string
  readonly #ready: (client: RedisClient) => void
  #failed = false
  #waiting: Promise<RedisClient> | undefined
  readonly #onReady = () => {
    this.#failed = false
    this.#ready(this.#handed)
  }
  readonly #onFailure = () => {
    this.#failed = true
  }

  /** `ready` is called at once, and after each time that the client has connected again. */
  constructor(
    client: RedisClient,
    store: string,
    ready: (client: RedisClient) => void = () => undefined,
  ) {
    this.#handed = client
    this.#store = store
    this.#ready = ready
    if (client.status === 'ready') ready(client)
    client.on('ready', this.#onReady)
    client.on('close', this.#onFailure)
    client.on('error', this.#onFailure)
  }

  get client(): RedisClient | undefined {
    return this.#handed.status === 'ready' ? this.#handed : undefined
  }

  get opening(): RedisClient {
    return this.#handed
  }

  get isAway(): boolean {
    return this.#failed && this.#handed.status !== 'ready'
  }

  wait(): Promise<RedisClient> {
    const client = this.#handed
    if (client.status === 'ready') return Promise.resolve(client)
    if (client.status === 'wait') client.connect().catch(() => undefined)
    else if (this.#failed || client.status === 'end') return Promise.reject(this.#awayError())
    // One promise for all who wait: a listener for each would grow with the calls of an outage.
    this.#waiting ??= new Promise<RedisClient>((resolve, reject) => {
      const settle = (isReady: boolean) => () => {
        this.#waiting = undefined
        client.off('ready', whenReady)
        client.off('close', whenClosed)
        if (isReady) resolve(client)
        else reject(this.#awayError())
      }
      const whenReady = settle(true)
      const whenClosed = settle(false)
      client.on('ready', whenReady)
      client.on('close', whenClosed)
    })
    return this.#waiting
  }

  /** Its owner keeps it; only the socket, whose replies cannot be trusted any more, is replaced. */
  drop(client: RedisClient): void {
    if (client.status === 'ready') cutOff(client, true)
  }

  close(): void {
    this.#handed.off('ready', this.#onReady)
    this.#handed.off('close', this.#onFailure)
    this.#handed.off('error', this.#onFailure)
  }

  #awayError(): StoreError {
    const { status } = this.#handed
    return new StoreError(
      `the client that was given to the store '${this.#store}' has no connection; its status is '${status}'`,
      { kind: 'unavailable', store: this.#store, operation: 'connect' },
    )
  }
}
