import { type CacheOptions, createCache, type Store } from '@holdfast/core'
import { parseNutcracker, type SettledReads } from '@holdfast/core/sharding'
import { expectTypeOf, test } from 'vitest'
import {
  type MemcachedStore,
  memcachedStore,
  type ShardedMemcached,
  shardedMemcached,
} from './index.ts'

test('both are stores, and a cache takes them', () => {
  expectTypeOf<MemcachedStore>().toExtend<Store>()
  expectTypeOf<ShardedMemcached>().toExtend<Store & SettledReads>()
  expectTypeOf<MemcachedStore>().toExtend<NonNullable<CacheOptions['store']>>()
  createCache({ store: memcachedStore({ servers: ['127.0.0.1:11211'] }) })
})

test('claims need no question mark', () => {
  expectTypeOf<MemcachedStore['add']>().toEqualTypeOf<NonNullable<Store['add']>>()
  expectTypeOf<MemcachedStore['replace']>().toEqualTypeOf<NonNullable<Store['replace']>>()
})

test('servers are texts, parts, or a pool of parseNutcracker, which may stand for all options', () => {
  const { pools } = parseNutcracker('')
  const pool = pools.beta!
  memcachedStore(pool)
  memcachedStore({ servers: pool, protocol: 'meta' })
  shardedMemcached({ servers: ['a:1', { host: 'b', weight: 2 }, { path: '/c' }] }).setServers(
    ['a:1'],
    { window: '1m' },
  )
  // @ts-expect-error: there are two protocols
  memcachedStore({ servers: ['a:1'], protocol: 'text' })
  // @ts-expect-error: a duration
  memcachedStore({ servers: ['a:1'], connectTimeout: 'soon' })
})
