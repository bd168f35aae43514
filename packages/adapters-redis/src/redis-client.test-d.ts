import type { Cluster, Redis } from 'ioredis'
import type { Cluster as Cluster5, Redis as Redis5 } from 'ioredis5'
import { expectTypeOf, test } from 'vitest'
import type { RedisClient, RedisClusterClient } from './redis-client.ts'
import type { RedisStoreOptions } from './redis-options.ts'
import type { redisStore } from './redis-store.ts'

test('the clients of ioredis 5 and 6 are what the adapter takes', () => {
  expectTypeOf<Redis>().toExtend<RedisClient>()
  expectTypeOf<Redis5>().toExtend<RedisClient>()
  expectTypeOf<typeof redisStore>().toBeCallableWith({} as Redis)
  expectTypeOf<Cluster>().toExtend<RedisClusterClient>()
  expectTypeOf<Cluster5>().toExtend<RedisClusterClient>()
  expectTypeOf<typeof redisStore>().toBeCallableWith({} as Cluster)
})

test('options are the ones of ioredis, with a password and TLS options that may be functions', () => {
  expectTypeOf<{
    host: string
    port: number
    username: string
    db: number
  }>().toExtend<RedisStoreOptions>()
  expectTypeOf<{ password: () => Promise<string> }>().toExtend<RedisStoreOptions>()
  expectTypeOf<{ tls: () => { ca: string } }>().toExtend<RedisStoreOptions>()
  expectTypeOf<{
    cluster: string[]
    readFrom: 'replica'
    maxLag: '1s'
  }>().toExtend<RedisStoreOptions>()
  expectTypeOf<{
    sentinels: { host: string; port: number }[]
    name: string
  }>().toExtend<RedisStoreOptions>()
  expectTypeOf<RedisStoreOptions>().not.toHaveProperty('keyPrefix')
  expectTypeOf<RedisStoreOptions>().not.toHaveProperty('failoverDetector')
  expectTypeOf<RedisStoreOptions>().not.toHaveProperty('enableOfflineQueue')
})
