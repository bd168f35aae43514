import { type Clock, StoreError } from '@holdfast/core'
import { Redis } from 'ioredis'
import { AuthPace } from './auth-pace.ts'
import { translation } from './cluster-access.ts'
import { OwnConnection } from './connection.ts'
import { Deadlines, Wait } from './deadlines.ts'
import { type OpenClient, ownClientOpener } from './open-client.ts'
import { cutOff, type RedisClient } from './redis-client.ts'
import { refusalCode, storeError, timedOut } from './redis-errors.ts'
import type { RedisStoreOptions } from './redis-options.ts'
import { addressKey, checkedAddress, type ServerAddress } from './server-address.ts'

/** So long what a sentinel announced is believed without asking again. */
const announcedMs = 5_000
const defaultPort = 26_379
/**
 * Told when the new primary is one, which is seconds before all have agreed on it, and when they have. Whoever waits
 * for the second writes to the old one meanwhile, and loses it.
 */
const announcements = ['+promoted-slave', '+switch-master'] as const

/** Asks sentinels who is the primary, and listens to what they announce (https://redis.io/docs/latest/develop/reference/sentinel-clients/). */
export class SentinelWatch {
  readonly #name: string
  readonly #clock: Clock
  readonly #store: string
  readonly #openers: readonly OpenClient[]
  readonly #translate: (address: ServerAddress) => ServerAddress
  readonly #answers: Deadlines
  readonly #connections: OwnConnection[] = []
  readonly #listeners = new Set<(to: ServerAddress) => void>()
  #announced: { readonly at: ServerAddress; readonly since: number } | undefined
  #isListening = false

  constructor(options: RedisStoreOptions, clock: Clock, store: string) {
    const { sentinels = [], name = '', sentinelCommandTimeout, connectTimeout } = options
    this.#name = name
    this.#clock = clock
    this.#store = store
    this.#translate = translation(options.natMap)
    this.#answers = new Deadlines(clock, sentinelCommandTimeout ?? 500)
    const { sentinelUsername: username, sentinelPassword: password, insecure, family } = options
    const tls = options.sentinelTLS ?? (options.enableTLSForSentinelMode ? options.tls : undefined)
    const forAll: RedisStoreOptions = {
      ...(username === undefined ? {} : { username }),
      ...(password === undefined ? {} : { password }),
      ...(tls === undefined ? {} : { tls }),
      ...(insecure === undefined ? {} : { insecure }),
      ...(connectTimeout === undefined ? {} : { connectTimeout }),
      ...(family === undefined ? {} : { family }),
    }
    this.#openers = sentinels.map(({ host = 'localhost', port = defaultPort }) =>
      ownClientOpener({
        options: { ...forAll, host, port },
        create: (clientOptions: object) => new Redis(clientOptions),
        clock,
        pace: new AuthPace(clock, JSON.stringify(['sentinel', host, port, username])),
        store,
        purpose: 'bus',
      }),
    )
  }

  /** Calls `listener` when another primary is announced. */
  onSwitch(listener: (to: ServerAddress) => void): void {
    this.#listeners.add(listener)
    if (!this.#isListening) this.#listen()
  }

  /** Where the primary is: as announced a moment ago, or as most of the sentinels say. @throws StoreError, as a rejection. */
  async locate(): Promise<ServerAddress> {
    const announced = this.#announced
    if (announced !== undefined && this.#clock.monotonic() - announced.since < announcedMs)
      return announced.at
    return this.#ask()
  }

  /** What was announced leads to no primary. */
  forget(at: ServerAddress): void {
    if (this.#announced !== undefined && addressKey(this.#announced.at) === addressKey(at))
      this.#announced = undefined
  }

  /** @throws StoreError, as a rejection, where a server is not the primary. One that does not say is believed. */
  async verify(client: RedisClient, at: ServerAddress): Promise<void> {
    try {
      const reply = await client.callBuffer('ROLE', [])
      const role = Array.isArray(reply) ? String(reply[0]) : 'master'
      if (role === 'master') return
    } catch (error) {
      if (refusalCode(error) !== undefined) return
      throw error
    }
    this.forget(at)
    throw this.#error('the server that the sentinels name as the primary is none at present')
  }

  close(): void {
    this.#listeners.clear()
    this.#answers.close()
    for (const connection of this.#connections) connection.close()
  }

  #listen(): void {
    this.#isListening = true
    for (const open of this.#openers) {
      const connection = new OwnConnection({
        open,
        clock: this.#clock,
        store: this.#store,
        onUp: (client) => this.#subscribe(client),
      })
      this.#connections.push(connection)
      connection.wait().catch(() => undefined)
    }
  }

  #subscribe(client: RedisClient): void {
    client.on('messageBuffer', (channel, message) => {
      const words = message.toString().split(' ')
      // `lab 10.0.0.1 6379 10.0.0.2 6379`, and `slave 10.0.0.2:6379 10.0.0.2 6379 @ lab 10.0.0.1 6379`.
      const [name, host, port] =
        channel.toString() === '+switch-master'
          ? [words[0], words[3], words[4]]
          : [words[5], words[2], words[3]]
      if (name !== this.#name) return
      const address = checkedAddress(host, Number(port))
      if (address !== undefined) this.#announce(this.#translate(address))
    })
    for (const channel of announcements) client.subscribe(channel).catch(() => undefined)
  }

  #announce(to: ServerAddress): void {
    this.#announced = { at: to, since: this.#clock.monotonic() }
    for (const listener of this.#listeners) listener(to)
  }

  /** As soon as more than half agree, or all have answered who will: so that one that is cut off sends nobody astray. */
  #ask(): Promise<ServerAddress> {
    return new Promise((resolve, reject) => {
      const votes = new Map<string, { count: number; readonly address: ServerAddress }>()
      let open = this.#openers.length
      let failure: unknown
      const done = () => {
        const [most] = [...votes.values()].sort((a, b) => b.count - a.count)
        const isDecided = most !== undefined && most.count > this.#openers.length / 2
        if (most !== undefined && (isDecided || open === 0)) resolve(most.address)
        else if (open === 0) reject(failure)
      }
      for (const opener of this.#openers) {
        this.#askOne(opener).then(
          (address) => {
            const key = addressKey(address)
            const vote = votes.get(key) ?? { count: 0, address }
            vote.count++
            votes.set(key, vote)
            open--
            done()
          },
          (error: unknown) => {
            failure = error
            open--
            done()
          },
        )
      }
    })
  }

  async #askOne(open: OpenClient): Promise<ServerAddress> {
    const client = await open()
    let wait: Wait | undefined
    const late = new Promise<never>((_, reject) => {
      const place = { store: this.#store, operation: 'sentinel' }
      const end = () => reject(timedOut(place, this.#answers.spanMs, 'sentinelCommandTimeout'))
      wait = new Wait(end, end)
      this.#answers.add(wait)
    })
    try {
      const asked = client.callBuffer('SENTINEL', ['get-master-addr-by-name', this.#name])
      const reply = await Promise.race([asked, late])
      const [host, port] = Array.isArray(reply) ? reply.map(String) : []
      const address = checkedAddress(host, Number(port))
      if (address !== undefined) return this.#translate(address)
      throw this.#error(
        reply === null
          ? `the sentinels know no '${this.#name}'; see name`
          : 'a sentinel answered with what is no address',
      )
    } catch (error) {
      throw storeError(error, { store: this.#store, operation: 'sentinel' })
    } finally {
      if (wait !== undefined) this.#answers.remove(wait)
      cutOff(client)
    }
  }

  #error(why: string): StoreError {
    return new StoreError(`connect of the store '${this.#store}' failed: ${why}`, {
      kind: 'unavailable',
      store: this.#store,
      operation: 'connect',
      retryable: true,
    })
  }
}
