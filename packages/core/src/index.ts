/** Holdfast: a cache for Node services that is boring in a crisis. */
export { type Cache, createCache, type LoadedMany } from './cache.ts'
export type { Clock, TimerHandle } from './clock.ts'
export type {
  Call,
  CheckedDefinition,
  Defined,
  Definition,
  DefinitionParts,
  Loader,
} from './define.ts'
export type { CodecOptions, CompressionOptions, IntegrityOptions } from './entry/codec.ts'
export type { CompressionAlgorithm } from './entry/compression-algorithm.ts'
export type { ValueMode } from './entry/isolate.ts'
export type { Serializer } from './entry/serializer.ts'
export {
  CacheError,
  ClosedError,
  CodecError,
  type ErrorDetails,
  InvalidationError,
  InvalidOptionError,
  isCacheError,
  KeyError,
  LoadTimeoutError,
  OverloadError,
  ReentrantLoadError,
  StoreError,
  type StoreErrorDetails,
  type StoreErrorKind,
  UnsupportedError,
} from './errors.ts'
export type { HealthCheck, HealthReport, HealthStatus } from './health/health-report.ts'
export type { HealthCheckName, Threshold } from './health/thresholds.ts'
export {
  type EventInvalidation,
  type EventInvalidationHealth,
  type EventInvalidationOptions,
  type EventInvalidationStats,
  invalidateOnEvents,
  publishInvalidation,
} from './invalidation/event-invalidation.ts'
export type { InvalidationEvent } from './invalidation/event-message.ts'
export { apiKey } from './keys/api-key.ts'
export type {
  BreakerEvent,
  BusEvent,
  CacheEvents,
  ErrorEvent,
  ErrorKind,
  EventName,
  EvictEvent,
  HealthEvent,
  InvalidateEvent,
  LoadEvent,
  LoadReason,
  NotKeptEvent,
  NotKeptReason,
  OutcomeEvent,
  OutcomeStatus,
  RefusedEvent,
} from './observe/events.ts'
export type { Explanation } from './observe/explanation.ts'
export type { CacheStats } from './observe/stats.ts'
export type { Duration } from './options/duration.ts'
export type { HealthOptions } from './options/health-options.ts'
export type {
  BreakerOptions,
  CacheOptions,
  EntryOptions,
  MemoryOptions,
  NamespaceOptions,
  ResilienceOptions,
  SensitiveOptions,
} from './options/options.ts'
export type { LoaderContext } from './read/loader-context.ts'
export type { SchemaIssue, SchemaResult, StandardSchemaV1 } from './standard-schema.ts'
export {
  type EncryptedStore,
  type EncryptedStoreOptions,
  type EncryptionStats,
  encryptedStore,
} from './store/encrypted-store.ts'
export type { FailoverStoreOptions } from './store/failover-options.ts'
export {
  type FailoverSideStats,
  type FailoverStats,
  type FailoverStore,
  failoverStore,
} from './store/failover-store.ts'
export type { EncryptionKey, EncryptionKeys, KeyProvider } from './store/key-ring.ts'
export { MemoryBacking, type MemoryBackingOptions } from './store/memory-backing.ts'
export type { MemoryBusHub } from './store/memory-bus.ts'
export { type MemoryStore, type MemoryStoreOptions, memoryStore } from './store/memory-store.ts'
export { prefixedStore } from './store/prefixed-store.ts'
export type {
  Bus,
  BusState,
  Keep,
  MetricsByServer,
  RefusedReads,
  ServerState,
  ServerStates,
  SettledRead,
  SettledReads,
  Store,
  StoreCapabilities,
  StoreEntry,
  StoreMetrics,
} from './store/store.ts'
