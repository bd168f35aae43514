import type { Clock } from '../clock.ts'
import type { CodecOptions } from '../entry/codec.ts'
import type { ValueMode } from '../entry/isolate.ts'
import type { Bus, Store } from '../store/store.ts'
import type { Duration } from './duration.ts'
import type { HealthOptions } from './health-options.ts'

/** How one entry is loaded, kept and renewed. Given per call, per definition, per key pattern or per cache; the nearer one wins, field by field. */
export interface EntryOptions {
  /** How long a value is fresh. `0` = do not keep, `Infinity` = never expires. Default `'5m'`. */
  ttl?: Duration | undefined
  /** After `ttl`: a read returns the stale value at once and one refresh runs behind (RFC 5861, 3). Default `0`. */
  staleWhileRevalidate?: Duration | undefined
  /** After `ttl`: a read loads, and falls back to the stale value if that fails (RFC 5861, 4). Default `0`. */
  staleIfError?: Duration | undefined
  /** Share of `ttl`, from 0 to 1, by which an entry's life is shortened at random, so that entries stored together do not expire together. Default `0.1`. */
  jitter?: number | undefined
  /** Beta of XFetch (Vattani et al., VLDB 2015): how eagerly a read in the last tenth of `ttl` refreshes behind the caller; `false` = never. Default `1`. */
  earlyRefresh?: number | false | undefined
  /** `ttl` of a loaded `null`. Default: `ttl`. */
  nullTtl?: Duration | undefined
  /** How long a loader's error is kept and thrown again without a load. Default `0`: errors are not kept. */
  errorTtl?: Duration | undefined
  /** Where a stale value may be served instead, a load is waited for this long at most. Default `'1s'`, never above `loadTimeout`. */
  softTimeout?: Duration | undefined
  /** After a failed load a stale value is served this long without another try. Default `'1s'`. */
  retryAfterError?: Duration | undefined
  /** Hard end of a load, its time in a queue included: waiters get `LoadTimeoutError` and the key is free again. Default `'10s'`. */
  loadTimeout?: Duration | undefined
  /** Names under which `invalidateTags` and `expireTags` find the entry. */
  tags?: readonly string[] | undefined
  /** Load even if a fresh value is kept; a load already under way is joined. Default `false`. */
  refresh?: boolean | undefined
  /** Detaches this caller when it aborts. The load itself is aborted once every caller has left. */
  signal?: AbortSignal | undefined
}

/** What else is said of sensitive values. */
export interface SensitiveOptions {
  /** How long one is kept at most, its stale windows included: above 0, and not `Infinity`. Default `'1h'`. */
  maxTtl?: Duration | undefined
}

/** What `namespace(name, defaults)` takes: the defaults of its entries, and how it keeps them. */
export interface NamespaceOptions extends EntryOptions {
  /** How values in it, and in the namespaces inside, are kept from their callers' changes. Default: as the cache's `memory.values`. */
  values?: ValueMode | undefined
  /** As `sensitive` of a cache, for this namespace and those inside. What is inside a sensitive cache is sensitive. */
  sensitive?: boolean | SensitiveOptions | undefined
}

/** The near tier: this process's memory, bounded by count and by bytes. */
export interface MemoryOptions {
  /** Default 10,000. */
  maxEntries?: number | undefined
  /** Estimated heap of keys and values, in bytes. Default: the smaller of 64 MiB and an eighth of the heap limit. */
  maxBytes?: number | undefined
  /** How long an entry is used before it is looked up again. Default: as long as it lives. */
  maxAge?: Duration | undefined
  /** Which entry leaves first: the least recently used, or the first one in. Default `'lru'`. */
  eviction?: 'lru' | 'fifo' | undefined
  /** How a value is kept from its callers' changes. Default `'isolated'`. */
  values?: ValueMode | undefined
}

/** When a store that fails is not asked any more, and when again. */
export interface BreakerOptions {
  /** Failures one after the other that open it. Default 5. */
  failuresInARow?: number | undefined
  /** Or this share of failures, from 0 to 1. Default 0.5. */
  failureShare?: number | undefined
  /** Among at least this many operations. Default 20. */
  minimumOperations?: number | undefined
  /** Within this span. Default `'1s'`. */
  window?: Duration | undefined
  /** How long it stays open before the first probe; doubled after each that fails. Default `'250ms'`. */
  open?: Duration | undefined
  /** The longest time between probes. Default `'1s'`. */
  maxOpen?: Duration | undefined
}

/** What keeps a bad day from becoming a worse one. */
export interface ResilienceOptions {
  /** All the time that one call may spend on the store. Default `'200ms'`. */
  storeTimeout?: Duration | undefined
  breaker?: BreakerOptions | undefined
  /** Invalidations that are remembered while the store does not answer, to be made up for. Default 10,000. */
  journal?: number | undefined
  /** While the store does not answer, a loaded value is believed this long in memory, whatever `memory.maxAge` says. Default `'5s'`. */
  outageMemo?: Duration | undefined
  /** Loads that run at once in this cache. Loads started from inside a load ride on its place. Default `Infinity`. */
  loadConcurrency?: number | undefined
  /** Loads that may wait for a place; past it a stale value is served, else `OverloadError`. Default 1,000. */
  loadQueue?: number | undefined
}

export interface CacheOptions {
  /** Label in metrics and events. Default `'default'`. */
  name?: string | undefined
  /** Prefix of every key in a shared store, and what `clear()` clears. Default: the name; `''` = none, on purpose. */
  namespace?: string | undefined
  /** The near tier; `false` = none. */
  memory?: MemoryOptions | false | undefined
  /** The far tier, which processes share. Default: none. */
  store?: Store | undefined
  /** Carries invalidations between processes; `false` = none. Default: the store's own, if it has one. */
  bus?: Bus | false | undefined
  /** How values become bytes for the store. */
  codec?: CodecOptions | undefined
  defaults?: EntryOptions | undefined
  /** Options by key pattern, such as `'api:products:*'`; `*` stands for any characters; of the patterns that match the longest wins. */
  policies?: Readonly<Record<string, EntryOptions>> | undefined
  resilience?: ResilienceOptions | undefined
  /** When `health()` warns. */
  health?: HealthOptions | undefined
  /** Values that must not be read at rest: refuses a store that is not encrypted, bounds how long they are kept, and leaves keys and tags out of events, warnings and explanations. Default `false`. */
  sensitive?: boolean | SensitiveOptions | undefined
  /** Source of time and chance. Default: the machine's. */
  clock?: Clock | undefined
  /** The kill switch; also a settable property of the cache. Default `true`. */
  enabled?: boolean | undefined
}
