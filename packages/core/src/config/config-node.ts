import { diskNode, imageNode, memcachedNode, redisNode, shardedRedisNode } from './adapter-nodes.ts'
import type { BusConfig, HoldfastConfig, StoreConfig } from './config-options.ts'
import {
  busShape,
  cacheNode,
  capacityNode,
  encryptedNode,
  failoverNode,
  fleetNode,
  memoryStoreNode,
  prefixedNode,
  ringNode,
  sessionNode,
  shardedNode,
} from './core-nodes.ts'
import { map, object, type Shape } from './node.ts'

const kinds = {
  redis: redisNode,
  shardedRedis: shardedRedisNode,
  memcached: memcachedNode,
  memory: memoryStoreNode,
  disk: diskNode,
  sharded: shardedNode,
  failover: failoverNode,
  encrypted: encryptedNode,
  prefixed: prefixedNode,
} satisfies Shape<StoreConfig, 'capacity'>

/** A store is of exactly one of these. */
export type StoreKind = keyof typeof kinds
export const storeKinds = Object.keys(kinds) as StoreKind[]

const storeNode = object(
  'StoreConfig',
  { ...kinds, capacity: capacityNode } satisfies Shape<StoreConfig>,
  { oneOf: storeKinds },
)

const busNode = object('BusConfig', { redis: redisNode, ...busShape } satisfies Shape<BusConfig>, {
  required: ['redis'],
})

/** All of a configuration. */
export const configNode = object('HoldfastConfig', {
  caches: map(cacheNode),
  stores: map(storeNode),
  buses: map(busNode),
  rings: map(ringNode),
  sessions: map(sessionNode),
  images: map(imageNode),
  fleet: fleetNode,
} satisfies Shape<HoldfastConfig>)
