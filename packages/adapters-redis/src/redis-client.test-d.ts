import type { Redis } from 'ioredis'
import type { Redis as Redis5 } from 'ioredis5'
import { expectTypeOf, test } from 'vitest'
import type { RedisClient } from './redis-client.ts'
import type { RedisStoreOptions } from './redis-options.ts'
import type { redisStore } from './redis-store.ts'

test('the clients of ioredis 5 and 6 are what the adapter takes', () => {
  expectTypeOf<Redis>().toExtend<RedisClient>()
  expectTypeOf<Redis5>().toExtend<RedisClient>()
  expectTypeOf<typeof redisStore>().toBeCallableWith({} as Redis)
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
  expectTypeOf<RedisStoreOptions>().not.toHaveProperty('keyPrefix')
  expectTypeOf<RedisStoreOptions>().not.toHaveProperty('enableOfflineQueue')
})
