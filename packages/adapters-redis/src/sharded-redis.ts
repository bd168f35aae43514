import { InvalidOptionError, type Store } from '@holdfast/core'
import {
  createRing,
  type NutcrackerPool,
  type RingServer,
  type ShardedStore,
  type ShardServerOptions,
  shardedStore,
} from '@holdfast/core/sharding'
import type { RedisStoreOptions } from './redis-options.ts'
import { redisStore } from './redis-store.ts'
import {
  checkShardedOptions,
  type RedisShard,
  type ShardedRedisOptions,
} from './sharded-options.ts'

export interface ShardedRedis extends Omit<ShardedStore, 'setServers'> {
  /**
   * Changes the servers while the store is in use; those that stay keep their connections.
   * @throws InvalidOptionError for a list that makes no ring; then nothing changes.
   */
  setServers(
    servers: readonly RedisShard[],
    options?: Parameters<ShardedStore['setServers']>[1],
  ): void
}

/**
 * One store over standalone Redis servers, for those who had twemproxy with `redis: true` in front of them: the same
 * pool sends every key to the same server, without the proxy. Each server gets one connection, opened at its first use.
 * @throws InvalidOptionError
 */
export function shardedRedis(given: ShardedRedisOptions | NutcrackerPool): ShardedRedis {
  const flat = withPool(given)
  checkShardedOptions(flat)
  const { servers, connection, ...options } = flat
  const ofPool = options as Partial<NutcrackerPool>
  if (ofPool.redis === false) {
    throw new InvalidOptionError(
      'shardedRedis needs a pool with redis: true; this one speaks memcached, for which there is memcachedStore',
    )
  }
  const shared: RedisStoreOptions = {
    storeName: 'redis',
    ...(ofPool.redisAuth === undefined ? {} : { password: ofPool.redisAuth }),
    ...(ofPool.redisDb ? { db: ofPool.redisDb } : {}),
    ...connection,
  }
  const open = new Map<string, Store>()

  const storeAt = ({ host, port, path }: RingServer): Store => {
    const address = path ?? JSON.stringify([host, port])
    const there = open.get(address)
    if (there !== undefined) return there
    const place = path === undefined ? { host: host!, port: port! } : { path }
    const inner = redisStore({ ...shared, ...place })
    const store: Store = {
      ...inner,
      close() {
        if (open.get(address) === store) open.delete(address)
        return inner.close()
      },
    }
    open.set(address, store)
    return store
  }
  const placed = (list: readonly RedisShard[]): ShardServerOptions[] => {
    const places = placesOf(list)
    // Before anything is opened: the list makes a ring, or is refused.
    createRing({ ...ringOnly(options), servers: places.map(({ ring }) => ring) })
    return places.map(({ ring, at }) => ({ ...ring, store: storeAt(at) }))
  }
  const sharded = shardedStore({ ...options, servers: placed(servers) })
  return {
    ...sharded,
    setServers: (list, change) => sharded.setServers(placed(list), change),
  }
}

type Flat = Omit<ShardedRedisOptions, 'servers'> & { readonly servers: readonly RedisShard[] }

/** A pool may stand for all options, or for the servers. */
function withPool(given: ShardedRedisOptions | NutcrackerPool): Flat {
  const expected =
    "shardedRedis needs servers such as ['10.0.0.1:6379', '10.0.0.2:6379'], or a pool of parseNutcracker"
  if (typeof given !== 'object' || given === null) throw new InvalidOptionError(expected)
  const { servers, ...options } = given
  if (Array.isArray(servers)) return { ...options, servers } as Flat
  if (typeof servers !== 'object' || servers === null) throw new InvalidOptionError(expected)
  return {
    ...(servers as NutcrackerPool),
    ...options,
    servers: (servers as NutcrackerPool).servers,
  }
}

const ringNames = ['compat', 'distribution', 'hash', 'hashTag', 'charSign', 'seed'] as const

function ringOnly(options: Omit<Flat, 'servers'>): object {
  return Object.fromEntries(ringNames.map((name) => [name, options[name]]))
}

/** How the ring knows each server, and where it is. */
function placesOf(list: readonly RedisShard[]): { ring: RingServer; at: RingServer }[] {
  if (!Array.isArray(list)) {
    throw new InvalidOptionError('setServers needs a list of servers such as 10.0.0.1:6379')
  }
  return list.map((server: RedisShard, index) => {
    const ring = typeof server === 'string' ? parseAddress(server, index) : server
    if (typeof ring !== 'object' || ring === null) {
      throw new InvalidOptionError(
        `servers[${index}] must be 'host:port' or an object with host and port`,
      )
    }
    const { host, path, port = defaultPort } = ring
    if (host === undefined && path === undefined) {
      // A bare name is an address as somebody wrote it down.
      if (ring.name === undefined) {
        throw new InvalidOptionError(
          `servers[${index}] needs a host, a path or a name that is an address`,
        )
      }
      return { ring, at: withPort(parseAddress(ring.name, index)) }
    }
    return { ring, at: path === undefined ? { host: host!, port } : { path } }
  })
}

const defaultPort = 6_379
const withPort = (server: RingServer): RingServer =>
  server.path === undefined ? { ...server, port: server.port ?? defaultPort } : server

/** @throws InvalidOptionError */
function parseAddress(text: string, index: number): RingServer {
  if (text.startsWith('/')) return { path: text }
  const [, v6, name, port] =
    /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]\s]+))(?::(\d{1,5}))?$/.exec(text) ?? []
  const host = v6 ?? name
  if (host === undefined) {
    throw new InvalidOptionError(
      `servers[${index}] must be an address such as '10.0.0.1:6379', '[::1]:6379' or '/run/redis.sock'`,
    )
  }
  return { host, port: port === undefined ? defaultPort : Number(port) }
}
