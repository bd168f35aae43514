/**
 * `@holdfast/memcached`: Memcached as the shared store of a Holdfast cache, one server or many, with the client
 * choosing the server for each key.
 *
 * @packageDocumentation
 */

export type { TlsSetting } from '@holdfast/core/adapter'
export type { MemcachedProtocol, MemcachedStoreOptions } from './memcached-options.ts'
export { memcachedStore } from './memcached-store.ts'
export type { MemcachedServer } from './server-address.ts'
export type { MemcachedStore } from './server-store.ts'
export { type ShardedMemcached, shardedMemcached } from './sharded-memcached.ts'
