import { getHeapStatistics } from 'node:v8'
import type {
  BreakerOptions,
  CacheOptions,
  EntryOptions,
  MemoryOptions,
  ResilienceOptions,
  SensitiveOptions,
} from './options.ts'

/** Every default of an entry in one place; the table in docs/ is compared with it by a test. */
export const entryDefaults = {
  ttl: '5m',
  staleWhileRevalidate: 0,
  staleIfError: 0,
  jitter: 0.1,
  earlyRefresh: 1,
  errorTtl: 0,
  softTimeout: '1s',
  retryAfterError: '1s',
  loadTimeout: '10s',
  refresh: false,
} as const satisfies EntryOptions

/** Every default of a cache. */
export const cacheDefaults = {
  name: 'default',
  sensitive: false,
  enabled: true,
} as const satisfies CacheOptions

/** How long a sensitive value is kept at most, its stale windows included. */
export const sensitiveDefaults = { maxTtl: '1h' } as const satisfies SensitiveOptions

/** Every default of the near tier, but `maxBytes`, which depends on the machine. */
export const memoryDefaults = {
  maxEntries: 10_000,
  maxAge: Number.POSITIVE_INFINITY,
  eviction: 'lru',
  values: 'isolated',
} as const satisfies MemoryOptions

/** Every default of resilience. */
export const resilienceDefaults = {
  storeTimeout: '200ms',
  journal: 10_000,
  outageMemo: '5s',
  loadConcurrency: Number.POSITIVE_INFINITY,
  loadQueue: 1_000,
} as const satisfies ResilienceOptions

/** Every default of the breaker around a store. */
export const breakerDefaults = {
  failuresInARow: 5,
  failureShare: 0.5,
  minimumOperations: 20,
  window: '1s',
  open: '250ms',
  maxOpen: '1s',
} as const satisfies BreakerOptions

/** How long `close()` waits for loads in flight before it aborts them. */
export const drainDefault = '2s'

/** The smaller of 64 MiB and an eighth of this process's heap limit. */
export function defaultMaxBytes(): number {
  return Math.min(64 * 1024 * 1024, Math.floor(getHeapStatistics().heap_size_limit / 8))
}
