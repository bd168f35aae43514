import type { Engine } from '../read/engine.ts'

/** Counters since the cache was made, and what it holds now. Namespaces count together with the cache they are in. */
export interface CacheStats {
  /** Keys asked for and served fresh. */
  readonly hits: number
  /** Keys asked for and served stale. */
  readonly stale: number
  /** Keys asked for and not served from the cache. */
  readonly misses: number
  /** Loader calls. One call of a `wrapMany` loader is one. */
  readonly loads: number
  readonly loadErrors: number
  readonly loadTimeouts: number
  /** Keys that waited for a load which another call had started. */
  readonly coalesced: number
  /** Loads behind a caller: stale, early or asked for. */
  readonly refreshes: number
  /** Loaded values that an invalidation kept out. */
  readonly fenced: number
  /** Values returned but not kept because they cannot be kept exactly as they are. */
  readonly codecErrors: number
  /** Loads refused because `resilience.loadQueue` was full. */
  readonly overloads: number
  /** Hits and stale hits that came from the store. */
  readonly farHits: number
  /** Operations that the store failed, or did not answer in time. */
  readonly storeErrors: number
  /** Bytes in the store that were not believed. */
  readonly refused: number
  /** Times the bus lost messages. */
  readonly busGaps: number
  /** Invalidations that were made up for after an outage. */
  readonly madeUp: number
  /** Entries that left the near tier because of a bound. */
  readonly evictions: number
  /** Calls of delete, expire, set, invalidateTags, expireTags and clear. */
  readonly invalidations: number
  /** Entries in the near tier. */
  readonly entries: number
  /** Their estimated heap, in bytes. */
  readonly bytes: number
  /** Keys being loaded. */
  readonly loading: number
  /** Loads waiting for a place in the cache's own bulkhead. */
  readonly queued: number
}

/** The counters that calls move; the rest of `CacheStats` is asked for when somebody wants to know. */
export class Counters {
  hits = 0
  stale = 0
  misses = 0
  loads = 0
  loadErrors = 0
  loadTimeouts = 0
  coalesced = 0
  refreshes = 0
  fenced = 0
  codecErrors = 0
  overloads = 0
  farHits = 0
  storeErrors = 0
  refused = 0
  busGaps = 0
  madeUp = 0
  evictions = 0
  invalidations = 0
}

export function statsOf({ counters, near, flights, bulkhead }: Engine): CacheStats {
  return {
    ...counters,
    entries: near?.entries ?? 0,
    bytes: near?.bytes ?? 0,
    loading: flights.size,
    queued: bulkhead?.waiting ?? 0,
  }
}
