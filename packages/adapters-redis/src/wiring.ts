import { InvalidOptionError, UnsupportedError } from '@holdfast/core'
import { Redis } from 'ioredis'
import { AuthPace } from './auth-pace.ts'
import { systemClock } from './clock.ts'
import { type Connection, OwnConnection } from './connection.ts'
import { Exchange } from './exchange.ts'
import { HandedConnection } from './handed-connection.ts'
import { duplicateOpener, type OpenClient, ownClientOpener } from './open-client.ts'
import { isRedisClient, type RedisClient } from './redis-client.ts'
import {
  checkConnectionOptions,
  type RedisStoreOptions,
  type RedisStoreSettings,
  resolveSettings,
} from './redis-options.ts'
import { Refusals } from './refusals.ts'
import { Subscriber } from './subscriber.ts'

/** What a store or a bus is made of: a way for commands, and a subscriber when one is asked for. */
export interface Wiring {
  readonly exchange: Exchange
  readonly refusals: Refusals
  subscriber(channel: string): Subscriber
  close(): void
}

/**
 * Chooses how to connect. Sentinels are ioredis's own matter behind `open`; a cluster will be another `Connection`
 * whose client knows its nodes.
 * @throws {InvalidOptionError}
 * @throws {UnsupportedError} for a cluster client.
 */
export function connect(
  given: RedisClient | RedisStoreOptions,
  settings: RedisStoreSettings,
): Wiring {
  if (typeof given !== 'object' || given === null) {
    throw new InvalidOptionError('redisStore and redisBus expect a client of ioredis, or options')
  }
  const { storeName: store, commandTimeoutMs } = resolveSettings(settings)
  const clock = systemClock
  const { connection, openSecond } = isRedisClient(given) ? handed(given, store) : own(given, store)
  const exchange = new Exchange({ connection, store, commandTimeoutMs, clock })
  const refusals = new Refusals(store)
  const subscribers = new Set<Subscriber>()
  return {
    exchange,
    refusals,
    subscriber(channel) {
      const subscriber = new Subscriber({ open: openSecond, channel, clock, store, refusals })
      subscribers.add(subscriber)
      return subscriber
    },
    close() {
      for (const subscriber of subscribers) subscriber.close()
      exchange.close()
      connection.close()
    },
  }
}

interface Ways {
  readonly connection: Connection
  readonly openSecond: OpenClient
}

function own(options: RedisStoreOptions, store: string): Ways {
  checkConnectionOptions(options)
  const { host = 'localhost', port = 6379, path, username = 'default' } = options
  const pace = new AuthPace(systemClock, JSON.stringify([path ?? [host, port], username]))
  const create = (clientOptions: object): RedisClient => new Redis(clientOptions)
  // A copy: what the caller later does to its object changes nothing.
  const opener = (purpose: 'commands' | 'bus') =>
    ownClientOpener({ options: { ...options }, create, clock: systemClock, pace, store, purpose })
  const connection = new OwnConnection({ open: opener('commands'), clock: systemClock, store })
  return { connection, openSecond: opener('bus') }
}

function handed(client: RedisClient, store: string): Ways {
  if (client.isCluster) {
    throw new UnsupportedError('redisStore does not work with a cluster client yet')
  }
  if (client.options.keyPrefix) {
    throw new InvalidOptionError(
      'the client has a keyPrefix, which would apply to some commands and not to others; use the namespace of the cache, or prefixedStore',
    )
  }
  return {
    connection: new HandedConnection(client, store),
    openSecond: duplicateOpener(client, systemClock, store),
  }
}
