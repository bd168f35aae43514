import { InvalidOptionError } from '@holdfast/core'
import {
  createRing,
  type NutcrackerPool,
  type ShardedStore,
  type ShardServerOptions,
  shardedStore,
} from '@holdfast/core/sharding'
import { type MemcachedStoreOptions, type Resolved, resolveOptions } from './memcached-options.ts'
import { judgePlace, openDriver } from './open-driver.ts'
import { type MemcachedServer, type Place, placesOf } from './server-address.ts'
import { type MemcachedStore, serverStore } from './server-store.ts'

/** A store over a fleet: what `memcachedStore` makes of several servers, with what a fleet has to say and to change. */
export type ShardedMemcached = Omit<ShardedStore, 'setServers'> &
  MemcachedStore & {
    /**
     * Changes the servers while the store is in use; those that stay keep their connections.
     * @throws InvalidOptionError for a list that makes no ring; then nothing changes.
     */
    setServers(
      servers: readonly MemcachedServer[],
      options?: Parameters<ShardedStore['setServers']>[1],
    ): void
  }

/**
 * One store over a fleet of Memcached servers, for those who had twemproxy in front of them: the same pool sends every
 * key to the same server, without the proxy. Each server gets one connection, opened at its first use.
 * @throws InvalidOptionError
 */
export function shardedMemcached(
  options: MemcachedStoreOptions | NutcrackerPool,
): ShardedMemcached {
  return fleetOf(resolveOptions(options))
}

/** @throws InvalidOptionError */
export function fleetOf({ servers, settings, fleet }: Resolved): ShardedMemcached {
  const open = new Map<string, MemcachedStore>()
  const storeAt = (place: Place): MemcachedStore => {
    const there = open.get(place.label)
    if (there !== undefined) return there
    const inner = serverStore(openDriver(place, settings), settings)
    const store: MemcachedStore = {
      ...inner,
      close() {
        if (open.get(place.label) === store) open.delete(place.label)
        return inner.close()
      },
    }
    open.set(place.label, store)
    return store
  }
  const placed = (list: readonly MemcachedServer[]): ShardServerOptions[] =>
    judgedPlaces(list, settings, fleet).map((place) => ({ ...place.ring, store: storeAt(place) }))

  const sharded = shardedStore({ ...fleet, servers: placed(servers) })
  return {
    ...sharded,
    setServers: (list, change) => sharded.setServers(placed(list), change),
  } as ShardedMemcached
}

const ringNames = ['compat', 'distribution', 'hash', 'hashTag', 'charSign', 'seed'] as const

/**
 * Where the servers are, before anything is opened: the list makes a ring, and none may not be spoken to in clear.
 * @throws InvalidOptionError
 */
export function judgedPlaces(
  list: readonly MemcachedServer[],
  settings: Resolved['settings'],
  fleet: Resolved['fleet'],
): Place[] {
  if (!Array.isArray(list)) {
    throw new InvalidOptionError('setServers needs a list of servers such as 10.0.0.1:11211')
  }
  const places = placesOf(list)
  const ring = Object.fromEntries(ringNames.map((name) => [name, fleet[name]]))
  createRing({ ...ring, servers: places.map((place) => place.ring) })
  for (const place of places) judgePlace(place, settings)
  return places
}
