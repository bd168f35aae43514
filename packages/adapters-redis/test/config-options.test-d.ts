import { expectTypeOf, test } from 'vitest'
import type { MemcachedStoreOptions } from '../../adapters-memcached/src/memcached-options.ts'
import type {
  diskOptions,
  imageHandlerOptions,
  imageOptions,
  memcachedOptions,
  redisOptions,
  shardedRedisOptions,
} from '../../core/src/config/adapter-nodes.ts'
import type { DiskStoreOptions } from '../../image/src/disk-store/disk-options.ts'
import type { ImageCacheOptions } from '../../image/src/image-cache/image-options.ts'
import type { ImageHandlerOptions } from '../../image/src/serve/handler-options.ts'
import type { ShardedRedisOptions } from '../src/index.ts'
import type { RedisStoreOptions, RedisStoreSettings } from '../src/redis-options.ts'

/** What a configuration may say of adapters is what they take; of all but ioredis's own options it is all of it. */

test('every name is an option of its adapter', () => {
  expectTypeOf<keyof typeof redisOptions>().toExtend<keyof RedisStoreOptions>()
  expectTypeOf<keyof typeof shardedRedisOptions>().toExtend<keyof ShardedRedisOptions | 'ring'>()
  expectTypeOf<keyof typeof memcachedOptions>().toExtend<keyof MemcachedStoreOptions | 'ring'>()
})

test('every option that can be written down has its name', () => {
  expectTypeOf<
    keyof RedisStoreSettings | 'cluster' | 'readFrom' | 'maxLag' | 'insecure' | 'tls' | 'password'
  >().toExtend<keyof typeof redisOptions>()
  expectTypeOf<Exclude<keyof MemcachedStoreOptions, 'clock' | 'random'>>().toEqualTypeOf<
    Exclude<keyof typeof memcachedOptions, 'ring'>
  >()
  expectTypeOf<Exclude<keyof DiskStoreOptions, 'clock'>>().toEqualTypeOf<keyof typeof diskOptions>()
  expectTypeOf<Exclude<keyof ImageCacheOptions, 'transform'>>().toEqualTypeOf<
    keyof typeof imageOptions
  >()
  expectTypeOf<Exclude<keyof ImageHandlerOptions, 'authorize' | 'variant'>>().toEqualTypeOf<
    keyof typeof imageHandlerOptions
  >()
})
