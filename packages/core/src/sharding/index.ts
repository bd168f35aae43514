/**
 * Sharding inside the client: which server a key is on, as twemproxy, libmemcached or pymemcache would decide it, or
 * by a ring of our own.
 */

export type { SettledRead, SettledReads } from '../store/store.ts'
export { compareRings, type RingComparison, type ServerComparison } from './compare-rings.ts'
export type { CharSign, HashName, TwemproxyHash } from './hashes/named-hashes.ts'
export type { LatencySummary } from './latency.ts'
export { type NutcrackerConfig, parseNutcracker } from './nutcracker/parse-nutcracker.ts'
export type { NutcrackerPool, NutcrackerServer } from './nutcracker/pool.ts'
export { createRing, type Ring, type RingExplanation } from './ring.ts'
export type { Compat, Distribution, RingOptions, RingServer } from './ring-options.ts'
export type { ServerStats } from './server-stats.ts'
export type {
  EjectOptions,
  OnFailure,
  ShardedStoreOptions,
  ShardServerOptions,
} from './sharded-options.ts'
export {
  type ShardExplanation,
  type ShardedStats,
  type ShardedStore,
  shardedStore,
} from './sharded-store.ts'
