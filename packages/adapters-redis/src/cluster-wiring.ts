import { backgroundClock } from '@holdfast/core/adapter'
import { ownClusterAccess } from './cluster-access.ts'
import { ClusterServers } from './cluster-servers.ts'
import { handedClusterAccess } from './handed-cluster.ts'
import { slotOf } from './hash-slot.ts'
import type { OpenClient } from './open-client.ts'
import type { RedisClient, RedisClusterClient } from './redis-client.ts'
import type { RedisStoreOptions } from './redis-options.ts'
import { clusterReplicaReads } from './replica-ways.ts'
import type { ServerAddress } from './server-address.ts'
import { shardedSpeech } from './speech.ts'
import { Subscriber } from './subscriber.ts'
import { type Common, reading, replicaOptions, type Wiring } from './wiring.ts'

/** A cluster over connections of our own. */
export function ownCluster(options: RedisStoreOptions, common: Common): Wiring {
  const access = ownClusterAccess(options, { ...common, clock: backgroundClock })
  const servers = new ClusterServers(access, backgroundClock, common.store)
  const wiring = clusterWiring(servers, (address) => access.opener(address, 'bus'), common)
  if (options.readFrom !== 'replica') return wiring
  const open = (address: ServerAddress) => access.openReplica(address)
  return reading(wiring, clusterReplicaReads(servers, open, replicaOptions(options, common)))
}

/** A cluster over a client that somebody else owns. */
export function handedCluster(cluster: RedisClusterClient, common: Common): Wiring {
  const access = handedClusterAccess(cluster, { ...common, clock: backgroundClock })
  const servers = new ClusterServers(access, backgroundClock, common.store)
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
        ...{ channel, clock: backgroundClock, store, refusals, speech },
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
