import { type Bus, type BusState, ClosedError, InvalidOptionError } from '@holdfast/core'
import { connect } from './connect.ts'
import {
  asBuffer,
  isRedisClient,
  type RedisClient,
  type RedisClusterClient,
} from './redis-client.ts'
import { type RedisStoreOptions, refuseUnknownSettings } from './redis-options.ts'
import type { Refusals } from './refusals.ts'
import type { Servers } from './servers.ts'
import type { Subscriber } from './subscriber.ts'

/** The channel of buses that were given none. */
export const defaultChannel = 'holdfast:bus'

export interface RedisBusSettings {
  /** What is subscribed to and published on. Caches that share a channel hear each other. Default `'holdfast:bus'`. */
  readonly channel?: string
}

/**
 * A bus over Redis's publish and subscribe, for stores that have none of their own. It says `down` within a second
 * of losing its link, also of one that only went silent.
 * @throws {InvalidOptionError}
 */
export function redisBus(
  given: RedisClient | RedisClusterClient | RedisStoreOptions,
  settings: RedisBusSettings = {},
): Bus {
  refuseUnknownSettings(settings, ['channel'], 'the settings of redisBus have')
  const { channel = defaultChannel } = settings
  if (typeof channel !== 'string' || channel === '') {
    throw new InvalidOptionError('channel expects a non-empty string')
  }
  const wiring = connect(given, { ...settingsOf(given), storeName: 'redis-bus' })
  return busHandle(wiring.servers, wiring.subscriber(channel), wiring.refusals, channel, () =>
    wiring.close(),
  )
}

const settingsOf = (given: RedisClient | RedisClusterClient | RedisStoreOptions) =>
  isRedisClient(given) || given?.commandTimeout === undefined
    ? {}
    : { commandTimeout: given.commandTimeout }

/** A handle on a subscriber that others may share, and on the command connection for what goes out. */
export function busHandle(
  servers: Pick<Servers, 'atChannel'>,
  subscriber: Subscriber,
  refusals: Refusals,
  channel: string,
  whenClosed: () => void = () => undefined,
): Bus {
  const ends = new Set<() => void>()
  let closed = false

  return {
    async publish(message) {
      if (closed) throw new ClosedError('publish on a bus that has been closed')
      const args = [channel, asBuffer(message)]
      await servers.atChannel(channel).run('publish', (client) =>
        subscriber.speech.publish(client, args).catch((error: unknown) => {
          if (refusals.note('PUBLISH', error)) subscriber.mute(true)
          throw error
        }),
      )
      subscriber.mute(false)
    },
    subscribe(onMessage: (message: Uint8Array) => void, onState: (state: BusState) => void) {
      if (closed) throw new ClosedError('subscribe on a bus that has been closed')
      const end = subscriber.listen({ onMessage, onState })
      ends.add(end)
      return () => {
        if (ends.delete(end)) end()
      }
    },
    async close() {
      if (closed) return
      closed = true
      for (const end of ends) end()
      ends.clear()
      whenClosed()
    },
  }
}
