import { InvalidOptionError } from '@holdfast/core'
import { nearestName } from '@holdfast/core/adapter'
import type { NutcrackerPool, RingServer, ShardedStoreOptions } from '@holdfast/core/sharding'
import { isConnectionOption, refuseUnknownOptions } from './known-options.ts'
import type { RedisStoreOptions } from './redis-options.ts'

/** A server: `'host:port'`, `'[::1]:6379'` or `'/path'`, or the same in parts. Default port 6379. */
export type RedisShard = string | RingServer

/** What may be said for all servers alike; where they are is said by `servers`. */
export type RedisShardConnection = Omit<
  RedisStoreOptions,
  'host' | 'port' | 'path' | 'sentinels' | 'cluster'
>

/** As `shardedStore`, with addresses in the place of stores; a pool of `parseNutcracker` fits as it is. */
export interface ShardedRedisOptions extends Omit<ShardedStoreOptions, 'servers' | 'gutter'> {
  readonly servers: readonly RedisShard[] | NutcrackerPool
  /** Connection options of every server: user, password, TLS, database and so on. */
  readonly connection?: RedisShardConnection | undefined
}

/** Every option of its own, and what a pool of parseNutcracker brings along; the type says when one is missing. */
const known = {
  autoEjectHosts: true,
  backlog: true,
  charSign: true,
  clientConnections: true,
  clock: true,
  compat: true,
  connection: true,
  distribution: true,
  eject: true,
  gutterTtl: true,
  hash: true,
  hashTag: true,
  journal: true,
  listen: true,
  name: true,
  onFailure: true,
  preconnect: true,
  processes: true,
  quarantine: true,
  random: true,
  redis: true,
  redisAuth: true,
  redisDb: true,
  seed: true,
  serverConnections: true,
  serverFailureLimit: true,
  serverRetryTimeout: true,
  servers: true,
  socketsPerServer: true,
  tcpkeepalive: true,
  timeout: true,
} satisfies Record<keyof ShardedRedisOptions | keyof NutcrackerPool, true>

/** Said by `servers`, for each its own. */
const places = {
  cluster: true,
  host: true,
  path: true,
  port: true,
  sentinels: true,
} satisfies Record<Exclude<keyof RedisStoreOptions, keyof RedisShardConnection>, true>

const isPlace = (name: string) => Object.hasOwn(places, name)
const saidByServers = "where the servers are is said by servers: ['10.0.0.1:6379', …]"

/**
 * Refuses options that do not exist, and those of a connection that would send every key to the same place.
 * @throws {InvalidOptionError}
 */
export function checkShardedOptions(given: ShardedRedisOptions): void {
  for (const name of Object.keys(given)) {
    if (Object.hasOwn(known, name)) continue
    throw new InvalidOptionError(
      `shardedRedis has no option '${name.slice(0, 40)}'${hintFor(name)}`,
    )
  }
  const connection: unknown = given.connection
  if (connection === undefined) return
  if (typeof connection !== 'object' || connection === null || Array.isArray(connection)) {
    throw new InvalidOptionError(
      'connection of shardedRedis expects an object of options, such as { username, password, tls }',
    )
  }
  const place = Object.entries(connection).find(([name, value]) => isPlace(name) && value != null)
  if (place !== undefined) {
    throw new InvalidOptionError(
      `connection of shardedRedis does not take '${place[0]}': ${saidByServers}`,
    )
  }
  refuseUnknownOptions(connection, 'connection of shardedRedis has', (meant) =>
    isPlace(meant) || meant.startsWith('host and port') ? saidByServers : undefined,
  )
}

function hintFor(name: string): string {
  if (isPlace(name)) return `; ${saidByServers}`
  if (isConnectionOption(name)) return `; write connection: { ${name} }`
  const near = nearestName(name, Object.keys(known))
  return near === undefined ? '; it takes those of shardedStore' : `; give ${near}`
}
