import type { NutcrackerPool } from '@holdfast/core/sharding'
import { type MemcachedStoreOptions, resolveOptions } from './memcached-options.ts'
import { openDriver } from './open-driver.ts'
import { type MemcachedStore, serverStore } from './server-store.ts'
import { fleetOf, judgedPlaces } from './sharded-memcached.ts'

/**
 * A store over one or several Memcached servers. One is spoken to as it is; several are a fleet, on which each key has
 * its server (`shardedMemcached`). It never fails to be made because a server is away, connects at its first use and
 * again after each loss, and ends its connections in `close`.
 * @throws {InvalidOptionError} for options that cannot work, and for a public address without TLS.
 */
export function memcachedStore(options: MemcachedStoreOptions | NutcrackerPool): MemcachedStore {
  const resolved = resolveOptions(options)
  const { servers, settings, fleet, isJudged } = resolved
  const [only, ...others] = judgedPlaces(servers, settings, fleet)
  if (only === undefined || others.length > 0 || isJudged) return fleetOf(resolved)
  return serverStore(openDriver(only, settings), settings)
}
