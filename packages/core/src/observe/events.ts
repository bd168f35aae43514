import { type Channel, channel } from 'node:diagnostics_channel'
import type { HealthStatus } from '../health/health-report.ts'

/** How one call for one key ended. Built once, at the end of the call, and only if somebody listens. */
export interface OutcomeEvent {
  readonly cache: string
  readonly operation: 'wrap' | 'wrapMany' | 'get' | 'getMany'
  readonly key: string
  /** `hit`: fresh, from a tier. `stale`: served past its ttl. `miss`: nothing usable was kept. `refreshed`: loaded because the call asked for it. */
  readonly status: OutcomeStatus
  /** Where the answer came from; `origin` is the loader. `undefined` for a `get` that found nothing. */
  readonly tier: 'near' | 'far' | 'origin' | undefined
  /** The call waited for a load that another call had started. */
  readonly coalesced: boolean
  readonly durationMs: number
  /** Of a stale answer: for how long it had been stale. */
  readonly staleMs?: number
}

export type OutcomeStatus = 'hit' | 'stale' | 'miss' | 'refreshed'

/** One run of a loader, from its call to its end. */
export interface LoadEvent {
  readonly cache: string
  readonly keys: readonly string[]
  readonly reason: LoadReason
  /** `fenced`: it succeeded, but an invalidation came first, so nothing was kept. */
  readonly outcome: 'ok' | 'error' | 'timeout' | 'aborted' | 'fenced'
  readonly durationMs: number
  /** What the loader failed with. */
  readonly error?: unknown
}

/** `stale`: behind a caller that got a stale value. `early`: before the ttl (XFetch). `refresh`: the call asked. */
export type LoadReason = 'miss' | 'stale' | 'early' | 'refresh'

export interface InvalidateEvent {
  readonly cache: string
  readonly operation: 'delete' | 'expire' | 'set' | 'invalidateTags' | 'expireTags' | 'clear'
  readonly keys: readonly string[]
  readonly tags: readonly string[]
}

/** An entry that left the near tier because of one of its bounds. */
export interface EvictEvent {
  readonly cache: string
  readonly key: string
  readonly bytes: number
}

/** A value that was returned but not kept. */
export interface NotKeptEvent {
  readonly cache: string
  readonly key: string
  readonly reason: NotKeptReason
}

/**
 * `undefined`: nothing to keep. `ttl`: it was 0. `skip`: the loader said so. `fenced`: an invalidation came while
 * it was loading. `codec`: it cannot be kept exactly as it is. `too-large`: it alone exceeds the tier's bound.
 * `off`: the cache is switched off.
 */
export type NotKeptReason = 'undefined' | 'ttl' | 'skip' | 'fenced' | 'codec' | 'too-large' | 'off'

/**
 * Bytes in the store that were not believed: damaged, of another key, of an unknown format, over a limit. Packages on
 * top of a cache tell here too of what their rules refused, such as an image from an address that is not public.
 */
export interface RefusedEvent {
  readonly cache: string
  readonly key: string
  readonly reason: string
}

/** The breaker around the store: while it is not `closed`, the store is not asked. */
export interface BreakerEvent {
  readonly cache: string
  readonly state: 'closed' | 'open' | 'half-open'
}

/** The bus may have lost messages, so the near tier was not believed any more; or a message on it was `malformed`. */
export interface BusEvent {
  readonly cache: string
  readonly reason: 'gap' | 'silence' | 'down' | 'up' | 'malformed'
}

/** A check of `health()` became better or worse. Watched only once `health()` was called, or metrics were asked for. */
export interface HealthEvent {
  readonly cache: string
  /** As in the report. */
  readonly check: string
  readonly status: HealthStatus
  readonly before: HealthStatus
  readonly value: number | undefined
  /** Which of several servers it is. */
  readonly server?: string
}

/** A failure that no caller saw. */
export interface ErrorEvent {
  readonly cache: string
  /** `refresh`: a load behind the caller failed. `fallback`: a load failed and a stale value was served. `codec`: a value could not be kept. `store`: the store did not do what it was asked. `listener`: a listener threw. */
  readonly kind: ErrorKind
  readonly key: string | undefined
  readonly error: unknown
}

export type ErrorKind = 'refresh' | 'fallback' | 'codec' | 'store' | 'listener'

/** Every event of a cache. Each is also published on the `node:diagnostics_channel` `holdfast:<name>`. */
export interface CacheEvents {
  hit: OutcomeEvent
  stale: OutcomeEvent
  miss: OutcomeEvent
  refreshed: OutcomeEvent
  load: LoadEvent
  invalidate: InvalidateEvent
  evict: EvictEvent
  'not-kept': NotKeptEvent
  refused: RefusedEvent
  breaker: BreakerEvent
  bus: BusEvent
  health: HealthEvent
  error: ErrorEvent
}

export const eventNames = [
  'hit',
  'stale',
  'miss',
  'refreshed',
  'load',
  'invalidate',
  'evict',
  'not-kept',
  'refused',
  'breaker',
  'bus',
  'health',
  'error',
] as const satisfies readonly (keyof CacheEvents)[]

export type EventName = keyof CacheEvents

/** The process-wide channels, one for each event. A channel nobody subscribed to costs one property read. */
export const channels = Object.fromEntries(
  eventNames.map((name) => [name, channel(`holdfast:${name}`)]),
) as Readonly<Record<EventName, Channel>>
