import { InvalidOptionError } from '@holdfast/core'
import { Redis } from 'ioredis'
import { AuthPace } from './auth-pace.ts'
import { systemClock } from './clock.ts'
import { ownClusterAccess, translation } from './cluster-access.ts'
import { ClusterServers } from './cluster-servers.ts'
import { type Connection, OwnConnection } from './connection.ts'
import { Exchange } from './exchange.ts'
import { handedClusterAccess } from './handed-cluster.ts'
import { HandedConnection } from './handed-connection.ts'
import { slotOf } from './hash-slot.ts'
import { duplicateOpener, type OpenClient, ownClientOpener } from './open-client.ts'
import { PrimaryWatch } from './primary-watch.ts'
import {
  isClusterClient,
  isRedisClient,
  type RedisClient,
  type RedisClusterClient,
} from './redis-client.ts'
import {
  checkConnectionOptions,
  maxLagMs,
  type RedisStoreOptions,
  type RedisStoreSettings,
  resolveSettings,
} from './redis-options.ts'
import { Refusals } from './refusals.ts'
import { clusterReplicaReads, type ReadServers, singleReplicaReads } from './replica-ways.ts'
import { SentinelWatch } from './sentinel-watch.ts'
import { addressKey, type ServerAddress } from './server-address.ts'
import type { Servers } from './servers.ts'
import { singleServer } from './single-server.ts'
import { plainSpeech, shardedSpeech } from './speech.ts'
import { Subscriber } from './subscriber.ts'

/** What a store or a bus is made of: a way for commands, and a subscriber when one is asked for. */
export interface Wiring {
  readonly servers: Servers
  readonly refusals: Refusals
  subscriber(channel: string): Subscriber
  onPrimaryChange(listener: () => void): () => void
  /** Where reads may go to replicas: as `Store.changedElsewhere`, by name. */
  changedElsewhere?(names: readonly string[] | undefined): void
  close(): void
}

interface Common {
  readonly store: string
  readonly commandTimeoutMs: number
  readonly refusals: Refusals
}

/**
 * Chooses how to connect: to one server, to the one that sentinels name, or to the nodes of a cluster. Which it is is
 * said, and never guessed from what a server answers.
 * @throws {InvalidOptionError}
 */
export function connect(
  given: RedisClient | RedisClusterClient | RedisStoreOptions,
  settings: RedisStoreSettings,
): Wiring {
  if (typeof given !== 'object' || given === null) {
    throw new InvalidOptionError('redisStore and redisBus expect a client of ioredis, or options')
  }
  const { storeName: store, commandTimeoutMs } = resolveSettings(settings)
  const common = { store, commandTimeoutMs, refusals: new Refusals(store) }
  if (!isRedisClient(given)) {
    checkConnectionOptions(given)
    // A copy: what the caller later does to its object changes nothing.
    const options = { ...given }
    return options.cluster === undefined ? ownServer(options, common) : ownCluster(options, common)
  }
  const prefix =
    given.options.keyPrefix ||
    ('redisOptions' in given.options && given.options.redisOptions?.keyPrefix)
  if (prefix) {
    throw new InvalidOptionError(
      'the client has a keyPrefix, which would apply to some commands and not to others; use the namespace of the cache, or prefixedStore',
    )
  }
  return isClusterClient(given) ? handedCluster(given, common) : handedServer(given, common)
}

function ownServer(options: RedisStoreOptions, common: Common): Wiring {
  const { store } = common
  const { host = 'localhost', port = 6379, path, username = 'default' } = options
  const place = options.sentinels ?? path ?? [host, port]
  const pace = new AuthPace(systemClock, JSON.stringify([place, username]))
  const create = (clientOptions: object): RedisClient => new Redis(clientOptions)
  const primary = new PrimaryWatch()
  const sentinels =
    options.sentinels === undefined ? undefined : new SentinelWatch(options, systemClock, store)
  const addresses = new WeakMap<RedisClient, ServerAddress>()
  const opener = (purpose: 'commands' | 'bus') =>
    ownClientOpener({
      options,
      create,
      clock: systemClock,
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
  const connection = new OwnConnection({ open: opener('commands'), clock: systemClock, store })
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
      const of = new AuthPace(systemClock, JSON.stringify([addressKey(address), username]))
      return ownClientOpener({
        ...{ options: at, create, clock: systemClock, pace: of, store, purpose: 'commands' },
      })
    },
    replicaOptions(options, common),
  )
  return reading(wiring, reads)
}

const replicaOptions = (options: RedisStoreOptions, { store, commandTimeoutMs }: Common) => ({
  ...{ store, commandTimeoutMs, clock: systemClock },
  maxLagMs: maxLagMs(options.maxLag ?? '1s'),
})

function reading(wiring: Wiring, { servers, changedElsewhere }: ReadServers): Wiring {
  return {
    ...wiring,
    servers,
    changedElsewhere,
    close() {
      // The connections of replicas, and then all others.
      servers.close()
      wiring.close()
    },
  }
}

const sameAddress = (a: ServerAddress | undefined, b: ServerAddress) =>
  a !== undefined && addressKey(a) === addressKey(b)

function handedServer(client: RedisClient, common: Common): Wiring {
  const primary = new PrimaryWatch()
  const connection = new HandedConnection(client, common.store, (ready) => {
    primary.look(ready).catch(() => undefined)
  })
  const { wiring } = oneServer(
    connection,
    duplicateOpener(client, systemClock, common.store),
    common,
  )
  return { ...wiring, onPrimaryChange: (listener) => primary.onChange(listener) }
}

/** `leave`: subscribers whose server is not the right one any more look for it again. */
function oneServer(connection: Connection, openSecond: OpenClient, common: Common) {
  const { store, refusals, commandTimeoutMs } = common
  const clock = systemClock
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

function ownCluster(options: RedisStoreOptions, common: Common): Wiring {
  const access = ownClusterAccess(options, { ...common, clock: systemClock })
  const servers = new ClusterServers(access, systemClock, common.store)
  const wiring = clusterWiring(servers, (address) => access.opener(address, 'bus'), common)
  if (options.readFrom !== 'replica') return wiring
  const open = (address: ServerAddress) => access.openReplica(address)
  return reading(wiring, clusterReplicaReads(servers, open, replicaOptions(options, common)))
}

function handedCluster(cluster: RedisClusterClient, common: Common): Wiring {
  const access = handedClusterAccess(cluster, { ...common, clock: systemClock })
  const servers = new ClusterServers(access, systemClock, common.store)
  const wiring = clusterWiring(servers, (address) => access.opener(address), common)
  return {
    ...wiring,
    close() {
      wiring.close()
      access.close()
    },
  }
}

function clusterWiring(
  servers: ClusterServers,
  openerAt: (address: ServerAddress) => OpenClient,
  { store, refusals }: Common,
): Wiring {
  const subscribers = new Set<Subscriber>()
  const speech = shardedSpeech()
  return {
    servers,
    refusals,
    subscriber(channel) {
      const slot = slotOf(channel)
      const homes = new WeakMap<RedisClient, ServerAddress>()
      const subscriber = new Subscriber({
        async open() {
          const { address } = await servers.map.findOwner(slot, 'subscribe')
          const client = await openerAt(address)()
          homes.set(client, address)
          return client
        },
        ...{ channel, clock: systemClock, store, refusals, speech },
        isAtHome(client) {
          const owner = servers.map.ownerOf(slot)
          // What is published in the plain way is heard everywhere.
          return !speech.isSharded || owner === undefined || homes.get(client) === owner.address
        },
      })
      servers.map.onChange(() => subscriber.look())
      subscribers.add(subscriber)
      return subscriber
    },
    onPrimaryChange: (listener) => servers.map.onPrimaryChange(listener),
    close() {
      for (const subscriber of subscribers) subscriber.close()
      servers.close()
    },
  }
}
