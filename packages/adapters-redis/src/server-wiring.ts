import { backgroundClock } from '@holdfast/core/adapter'
import { Redis } from 'ioredis'
import { AuthPace } from './auth-pace.ts'
import { translation } from './cluster-access.ts'
import { type Connection, OwnConnection } from './connection.ts'
import { Exchange } from './exchange.ts'
import { HandedConnection } from './handed-connection.ts'
import { duplicateOpener, type OpenClient, ownClientOpener } from './open-client.ts'
import { PrimaryWatch } from './primary-watch.ts'
import type { RedisClient } from './redis-client.ts'
import type { RedisStoreOptions } from './redis-options.ts'
import { singleReplicaReads } from './replica-ways.ts'
import { SentinelWatch } from './sentinel-watch.ts'
import { addressKey, type ServerAddress } from './server-address.ts'
import { singleServer } from './single-server.ts'
import { plainSpeech } from './speech.ts'
import { Subscriber } from './subscriber.ts'
import { type Common, reading, replicaOptions, type Wiring } from './wiring.ts'

/** One server, or the one that sentinels name as the primary, over connections of our own. */
export function ownServer(options: RedisStoreOptions, common: Common): Wiring {
  const { store } = common
  const { host = 'localhost', port = 6379, path, username = 'default' } = options
  const place = options.sentinels ?? path ?? [host, port]
  const pace = new AuthPace(backgroundClock, JSON.stringify([place, username]))
  const create = (clientOptions: object): RedisClient => new Redis(clientOptions)
  const primary = new PrimaryWatch()
  const sentinels =
    options.sentinels === undefined ? undefined : new SentinelWatch(options, backgroundClock, store)
  const addresses = new WeakMap<RedisClient, ServerAddress>()
  const opener = (purpose: 'commands' | 'bus') =>
    ownClientOpener({
      options,
      create,
      clock: backgroundClock,
      pace,
      store,
      purpose,
      locate: sentinels && (() => sentinels.locate()),
      async verify(client, at) {
        if (at !== undefined) {
          addresses.set(client, at)
          await sentinels?.verify(client, at)
        }
        if (purpose === 'commands') await primary.look(client, at && addressKey(at))
      },
    })
  const connection = new OwnConnection({ open: opener('commands'), clock: backgroundClock, store })
  const server = oneServer(connection, opener('bus'), common)
  sentinels?.onSwitch((to) => {
    const { client } = connection
    const isThere = client !== undefined && sameAddress(addresses.get(client), to)
    if (client !== undefined && !isThere) connection.drop(client, connection.lostError())
    connection.hurry()
    server.leave((of) => !sameAddress(addresses.get(of), to))
  })
  const wiring: Wiring = {
    ...server.wiring,
    onPrimaryChange: (listener) => primary.onChange(listener),
    close() {
      sentinels?.close()
      server.wiring.close()
    },
  }
  if (options.readFrom !== 'replica') return wiring
  const translate = translation(options.natMap)
  const reads = singleReplicaReads(
    wiring.servers,
    server.exchange,
    (address) => {
      const { path: _, ...rest } = options
      const at = { ...rest, ...translate(address) }
      const of = new AuthPace(backgroundClock, JSON.stringify([addressKey(address), username]))
      return ownClientOpener({
        ...{ options: at, create, clock: backgroundClock, pace: of, store, purpose: 'commands' },
      })
    },
    replicaOptions(options, common),
  )
  return reading(wiring, reads)
}

const sameAddress = (a: ServerAddress | undefined, b: ServerAddress) =>
  a !== undefined && addressKey(a) === addressKey(b)

/** One server over a client that somebody else owns. */
export function handedServer(client: RedisClient, common: Common): Wiring {
  const primary = new PrimaryWatch()
  const connection = new HandedConnection(client, common.store, (ready) => {
    primary.look(ready).catch(() => undefined)
  })
  const { wiring } = oneServer(
    connection,
    duplicateOpener(client, backgroundClock, common.store),
    common,
  )
  return { ...wiring, onPrimaryChange: (listener) => primary.onChange(listener) }
}

/** `leave`: subscribers whose server is not the right one any more look for it again. */
function oneServer(connection: Connection, openSecond: OpenClient, common: Common) {
  const { store, refusals, commandTimeoutMs } = common
  const clock = backgroundClock
  const exchange = new Exchange({ connection, store, commandTimeoutMs, clock })
  const subscribers = new Set<Subscriber>()
  const wiring: Omit<Wiring, 'onPrimaryChange'> = {
    servers: singleServer(exchange),
    refusals,
    subscriber(channel) {
      const subscriber = new Subscriber({
        ...{ open: openSecond, channel, clock, store, refusals },
        speech: plainSpeech,
      })
      subscribers.add(subscriber)
      return subscriber
    },
    close() {
      for (const subscriber of subscribers) subscriber.close()
      exchange.close()
      connection.close()
    },
  }
  return {
    wiring,
    exchange,
    leave(isMisplaced: (client: RedisClient) => boolean) {
      for (const subscriber of subscribers) subscriber.leave(isMisplaced)
    },
  }
}
