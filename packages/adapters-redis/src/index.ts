/** Redis, Valkey and Dragonfly as the shared store of a Holdfast cache, over ioredis. */
export { type RedisBusSettings, redisBus } from './redis-bus.ts'
export type { RedisArgument, RedisClient, RedisClusterClient } from './redis-client.ts'
export type {
  ClusterNodeAddress,
  ManagedRedisOption,
  RedisStoreOptions,
  RedisStoreSettings,
} from './redis-options.ts'
export { type RedisStore, redisStore } from './redis-store.ts'
export type { RedisShard, RedisShardConnection, ShardedRedisOptions } from './sharded-options.ts'
export { type ShardedRedis, shardedRedis } from './sharded-redis.ts'
