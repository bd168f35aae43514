import type { BusState, Clock, StoreError, TimerHandle } from '@holdfast/core'
import { OwnConnection } from './connection.ts'
import { Deadlines, Wait } from './deadlines.ts'
import type { OpenClient } from './open-client.ts'
import type { RedisClient } from './redis-client.ts'
import { storeError, timedOut } from './redis-errors.ts'
import type { Refusals } from './refusals.ts'
import type { Speech } from './speech.ts'

export interface Listener {
  onMessage(message: Uint8Array): void
  onState(state: BusState): void
}

export interface SubscriberOptions {
  readonly open: OpenClient
  readonly channel: string
  readonly clock: Clock
  readonly store: string
  readonly refusals: Refusals
  readonly speech: Speech
  /** Whether this is still the server on which the channel is heard. Default: always. */
  isAtHome?(client: RedisClient): boolean
}

/** A link over which nothing comes looks like one over which nothing is said: so the server is asked this often. */
const heartbeatMs = 400
/** A dead link is noticed at the latest after one pause and one such wait. */
const heartbeatTimeoutMs = 500
/** A user who may not subscribe may be granted it later. */
const refusedRetryMs = 30_000

/**
 * The one subscriber connection of a store: opened with the first listener, closed with the last. All listeners are
 * told what comes over it, and whether anything can.
 */
export class Subscriber {
  readonly #options: SubscriberOptions
  readonly #beats: Deadlines
  readonly #listeners = new Set<Listener>()
  #connection: OwnConnection | undefined
  #isUp = false
  #isMute = false
  #timer: TimerHandle | undefined

  constructor(options: SubscriberOptions) {
    this.#options = options
    this.#beats = new Deadlines(options.clock, heartbeatTimeoutMs)
  }

  get speech(): Speech {
    return this.#options.speech
  }

  /** Starts telling `listener`, never within this call; the answer ends it. */
  listen(listener: Listener): () => void {
    this.#listeners.add(listener)
    if (this.#connection === undefined) this.#start()
    else if (this.#isUp) {
      queueMicrotask(() => {
        if (this.#isUp && !this.#isMute && this.#listeners.has(listener)) listener.onState('up')
      })
    }
    return () => {
      this.#listeners.delete(listener)
      if (this.#listeners.size === 0) this.close()
    }
  }

  /**
   * This user may not publish, so nobody of its kind will be heard, however well the link stands: that is `down`, too.
   */
  mute(isMute: boolean): void {
    if (this.#isMute === isMute) return
    this.#isMute = isMute
    if (this.#isUp) this.#tellAll(isMute ? 'down' : 'up')
  }

  close(): void {
    this.#listeners.clear()
    this.#isUp = false
    this.#options.clock.clearTimeout(this.#timer)
    this.#beats.close()
    this.#connection?.close()
    this.#connection = undefined
  }

  #start(): void {
    const { open, clock, store } = this.#options
    const connection = new OwnConnection({
      open,
      clock,
      store,
      onUp: (client) => this.#subscribe(connection, client),
      onDown: () => this.#tell(connection, 'down'),
    })
    this.#connection = connection
    connection.wait().catch(() => undefined)
  }

  #subscribe(connection: OwnConnection, client: RedisClient): void {
    const { channel, clock, refusals, store, speech } = this.#options
    const heard = (from: Buffer, message: Buffer) => {
      if (from.toString() !== channel || connection !== this.#connection) return
      for (const { onMessage } of this.#listeners) onMessage(new Uint8Array(message))
    }
    client.on('messageBuffer', heard)
    client.on('smessageBuffer', heard)
    client.on('moved', () => this.#leave(connection, client))
    const done = this.#expectAnswer(connection, client, 'subscribe')
    speech.subscribe(client, channel).then(
      () => {
        done()
        this.#tell(connection, 'up')
        this.#beatLater(connection, client)
      },
      (error: unknown) => {
        done()
        if (refusals.note('SUBSCRIBE', error)) {
          this.#timer = clock.setTimeout(() => {
            if (connection.client === client) this.#subscribe(connection, client)
          }, refusedRetryMs)
          return
        }
        connection.drop(client, storeError(error, { store, operation: 'subscribe' }) as StoreError)
      },
    )
  }

  #beatLater(connection: OwnConnection, client: RedisClient): void {
    this.#timer = this.#options.clock.setTimeout(() => {
      if (connection !== this.#connection || connection.client !== client) return
      if (this.#options.isAtHome?.(client) === false) {
        this.#leave(connection, client)
        return
      }
      const done = this.#expectAnswer(connection, client, 'ping')
      // Any answer will do, a refusal too: the link is what is asked about.
      const answered = () => {
        done()
        this.#beatLater(connection, client)
      }
      client.callBuffer('PING', []).then(answered, answered)
    }, heartbeatMs)
  }

  /** The channel is another server's now. */
  #leave(connection: OwnConnection, client: RedisClient): void {
    connection.drop(client, connection.lostError())
    connection.hurry()
  }

  /** Things have changed: a server that is not the right one any more is left, and the right one looked for soon. */
  leave(isMisplaced: (client: RedisClient) => boolean): void {
    const connection = this.#connection
    if (connection === undefined) return
    const { client } = connection
    if (client !== undefined && isMisplaced(client)) this.#leave(connection, client)
    else if (connection.isAway) connection.hurry()
  }

  /** As `leave`, where it is known by itself what is the right one. */
  look(): void {
    const { isAtHome } = this.#options
    if (isAtHome !== undefined) this.leave((client) => !isAtHome(client))
  }

  #expectAnswer(connection: OwnConnection, client: RedisClient, operation: string): () => void {
    const { store } = this.#options
    const wait = new Wait(
      () =>
        connection.drop(client, timedOut({ store, operation }, heartbeatTimeoutMs, 'the network')),
      () => undefined,
    )
    this.#beats.add(wait)
    return () => this.#beats.remove(wait)
  }

  #tell(connection: OwnConnection, state: BusState): void {
    if (connection !== this.#connection) return
    if (this.#isUp === (state === 'up')) return
    this.#isUp = state === 'up'
    this.#options.clock.clearTimeout(this.#timer)
    if (!this.#isMute) this.#tellAll(state)
  }

  #tellAll(state: BusState): void {
    for (const { onState } of this.#listeners) onState(state)
  }
}
