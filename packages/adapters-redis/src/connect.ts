import { InvalidOptionError } from '@holdfast/core'
import { handedCluster, ownCluster } from './cluster-wiring.ts'
import {
  isClusterClient,
  isRedisClient,
  type RedisClient,
  type RedisClusterClient,
} from './redis-client.ts'
import {
  checkConnectionOptions,
  type RedisStoreOptions,
  type RedisStoreSettings,
  resolveSettings,
} from './redis-options.ts'
import { Refusals } from './refusals.ts'
import { handedServer, ownServer } from './server-wiring.ts'
import type { Wiring } from './wiring.ts'

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
    throw new InvalidOptionError(
      'redisStore and redisBus expect a client of ioredis, or options; for a URL hand in new Redis(url)',
    )
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
