import type { CodecOptions } from '../entry/codec.ts'
import type { CacheOptions } from '../options/options.ts'
import type { SessionOptions } from '../session/session-options.ts'
import type { RingOptions } from '../sharding/ring-options.ts'
import type { ShardedStoreOptions } from '../sharding/sharded-options.ts'
import type { EncryptedStoreOptions } from '../store/encrypted-store.ts'
import type { FailoverStoreOptions } from '../store/failover-options.ts'
import type { MemoryStoreOptions } from '../store/memory-store.ts'
import type { Secret } from './secret.ts'

/** `'env:NAME'`, `'file:/path'` (relative to the configuration's folder), the text itself, or a function that brings it. */
export type SecretText = string | Secret | (() => string | Promise<string>)

/** Options of an adapter, which checks them itself when the store is built; what may be written is in the schema. */
export type AdapterOptions = Readonly<Record<string, unknown>>

/** A configuration as it is written: what there is, by name. Whatever is left out has its usual default. */
export interface HoldfastConfig {
  /** Caches, by the name under which the application asks for them. */
  readonly caches?: Readonly<Record<string, CacheConfig>> | undefined
  /** Stores that caches, sessions and other stores refer to. Nothing connects before it is used. */
  readonly stores?: Readonly<Record<string, StoreConfig>> | undefined
  /** Buses for caches whose store has none of its own. */
  readonly buses?: Readonly<Record<string, BusConfig>> | undefined
  /** Rings, for stores over several servers and for the application itself. */
  readonly rings?: Readonly<Record<string, RingConfig>> | undefined
  /** Web sessions. */
  readonly sessions?: Readonly<Record<string, SessionConfig>> | undefined
  /** Image caches. */
  readonly images?: Readonly<Record<string, ImageConfig>> | undefined
  /** What the deployment is like, for `holdfast-doctor`. */
  readonly fleet?: FleetConfig | undefined
}

/** `CacheOptions`, with names for its store and bus. */
export interface CacheConfig
  extends Omit<CacheOptions, 'store' | 'bus' | 'codec' | 'clock' | 'policies'> {
  /** The name of one of `stores`. Default: none, memory only. */
  readonly store?: string | undefined
  /** The name of one of `buses`, or `false` = none. Default: the store's own, if it has one. */
  readonly bus?: string | false | undefined
  /** How values become bytes for the store. */
  readonly codec?: CodecConfig | undefined
  /** Options by key pattern, such as `'api:products:*'`: a table of times to live by endpoint. The longest pattern that matches wins. */
  readonly policies?: CacheOptions['policies']
}

export interface CodecConfig extends Omit<CodecOptions, 'serializer' | 'integrity'> {
  /** With keys, entries without a valid HMAC are misses. Default: a CRC-32, which finds damage but not intent. */
  readonly integrity?: IntegrityConfig | undefined
}

export interface IntegrityConfig {
  /** The first key writes, all of them read. */
  readonly keys: readonly KeyConfig[]
}

export interface KeyConfig {
  /** Stands in clear in every entry. 1 to 64 bytes of UTF-8. */
  readonly id: string
  /** 32 bytes: as base64 (44 characters), as hex (64 characters), or a text of 32 bytes. */
  readonly secret: SecretText
}

/** A store: exactly one of the kinds, and what the doctor reckons with. */
export interface StoreConfig {
  /** A Redis, Valkey or Dragonfly, alone, behind sentinels or as a cluster (`@holdfast/redis`). */
  readonly redis?: AdapterOptions | undefined
  /** Standalone Redis servers with the ring in the client (`@holdfast/redis`). */
  readonly shardedRedis?: AdapterOptions | undefined
  /** One Memcached or several (`@holdfast/memcached`). */
  readonly memcached?: AdapterOptions | undefined
  /** This process's memory: for tests, and as the gutter of a failover store. */
  readonly memory?: Omit<MemoryStoreOptions, 'backing' | 'clock' | 'name'> | undefined
  /** A folder (`diskStore` of `@holdfast/image`). */
  readonly disk?: AdapterOptions | undefined
  /** Other stores as one, each key on one of them. */
  readonly sharded?: ShardedConfig | undefined
  /** A store, and a stand-in for when it is away. */
  readonly failover?: FailoverConfig | undefined
  /** Another store that gets to see nothing in clear. */
  readonly encrypted?: EncryptedConfig | undefined
  /** A part of another store. */
  readonly prefixed?: PrefixedConfig | undefined
  /** What is going to be kept there, for `holdfast-doctor`. */
  readonly capacity?: CapacityConfig | undefined
}

export interface ShardedConfig
  extends Omit<ShardedStoreOptions, 'servers' | 'gutter' | 'clock' | 'random' | 'name' | 'seed'> {
  /** The servers: their place in the ring, and the store that speaks to each. */
  readonly servers: readonly ShardConfig[]
  /** With `onFailure: gutter`: the name of a store. */
  readonly gutter?: string | undefined
  /** A secret that nobody can craft keys against without knowing it. Not with `hash` or `compat`. */
  readonly seed?: SecretText | undefined
}

export interface ShardConfig {
  /** The name of one of `stores`. */
  readonly store: string
  /** Its name in the ring: keys move when it changes. Default: the store's. */
  readonly name?: string | undefined
  /** Share of the keys relative to the others. Default 1. */
  readonly weight?: number | undefined
}

export interface FailoverConfig extends Omit<FailoverStoreOptions, 'clock' | 'name'> {
  /** The name of the store that counts. */
  readonly main: string
  /** The name of the store that stands in. */
  readonly gutter: string
}

export interface EncryptedConfig extends Omit<EncryptedStoreOptions, 'clock' | 'keys'> {
  /** The name of the store behind. */
  readonly store: string
  /** The first key writes, all of them read. Those from files are read again every `reread`. */
  readonly keys: readonly KeyConfig[]
}

export interface PrefixedConfig {
  /** The name of the store behind. */
  readonly store: string
  /** What every key begins with there. */
  readonly prefix: string
}

export interface BusConfig {
  /** Options of a connection (`@holdfast/redis`). */
  readonly redis: AdapterOptions
  /** What is published and subscribed to. Default `'holdfast:bus'`. */
  readonly channel?: string | undefined
}

/** `RingOptions`, or a pool of a nutcracker.yml. */
export interface RingConfig extends Omit<RingOptions, 'servers' | 'random' | 'seed'> {
  /** The servers, if they are not in a nutcracker.yml. */
  readonly servers?: RingOptions['servers'] | undefined
  /** The path of a nutcracker.yml, relative to the configuration's folder. */
  readonly nutcracker?: string | undefined
  /** The pool in it, where it has several. */
  readonly pool?: string | undefined
  /** A secret that nobody can craft keys against without knowing it. Not with `hash` or `compat`. */
  readonly seed?: SecretText | undefined
}

/** `SessionOptions`, with a name for the store and references for the secrets. */
export interface SessionConfig extends Omit<SessionOptions, 'store' | 'secrets' | 'clock'> {
  /** The name of one of `stores`. */
  readonly store: string
  /** What cookies are signed with: the first signs, all verify. */
  readonly secrets: readonly SecretText[]
}

/** `ImageCacheOptions` of `@holdfast/image`, with the name of a cache. */
export interface ImageConfig {
  /** The name of one of `caches`. */
  readonly cache: string
  readonly [option: string]: unknown
}

/** What one file cannot know of all processes together. */
export interface FleetConfig {
  /** Processes that use this configuration at the same time: pods, times processes in each. Default 1. */
  readonly processes?: number | undefined
  /** Sockets that a server takes, where it does not say so itself. Default 65,000, as ElastiCache has it. */
  readonly serverConnections?: number | undefined
}

/** What a store has to hold, all servers together. */
export interface CapacityConfig {
  /** Entries at the busiest time. */
  readonly objects: number
  /** Bytes of an entry on average, key and value. */
  readonly objectBytes: number
  /** What the servers may use, in bytes, all together. Default: what they say themselves. */
  readonly limitBytes?: number | undefined
}
