/**
 * `@holdfast/core/config`: a configuration read from a file, the environment and arguments, and the caches built from it.
 *
 * @packageDocumentation
 */
export type {
  Adapters,
  ImageAdapter,
  ImageHandler,
  ImagesLike,
  MemcachedAdapter,
  RedisAdapter,
} from './adapters.ts'
export { ConfigError, type ConfigErrorDetails } from './config-error.ts'
export type {
  AdapterOptions,
  BusConfig,
  CacheConfig,
  CapacityConfig,
  CodecConfig,
  EncryptedConfig,
  FailoverConfig,
  FleetConfig,
  HoldfastConfig,
  ImageConfig,
  IntegrityConfig,
  KeyConfig,
  PrefixedConfig,
  RingConfig,
  SecretText,
  SessionConfig,
  ShardConfig,
  ShardedConfig,
  StoreConfig,
} from './config-options.ts'
export { type Configured, createFromConfig } from './create-from-config.ts'
export { type ConfigSources, readConfig } from './read-config.ts'
export type { Secret } from './secret.ts'
export { type WatchEvents, type Watched, type WatchOptions, watchConfig } from './watch-config.ts'
