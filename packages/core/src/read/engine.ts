import { AsyncResource } from 'node:async_hooks'
import { LRUCache } from 'lru-cache'
import { type Clock, CoarseTime } from '../clock.ts'
import { type Entry, expireEntry, goneAt } from '../entry/entry.ts'
import { copyValue, type ValueMode } from '../entry/isolate.ts'
import type { HealthMonitor } from '../health/health-monitor.ts'
import { expiredMark, Fence, isTouched, Scope, touchedMark } from '../invalidation/scope.ts'
import type { BusEvent, ErrorKind, NotKeptReason } from '../observe/events.ts'
import { Observer } from '../observe/observer.ts'
import { said, standIn } from '../observe/said.ts'
import { Counters } from '../observe/stats.ts'
import type { CacheSettings } from '../options/cache-settings.ts'
import type { BreakerState } from '../resilience/breaker.ts'
import { Bulkhead } from '../resilience/bulkhead.ts'
import { Deadlines } from '../resilience/deadlines.ts'
import type { Far } from '../tiers/far.ts'
import { NearTier } from '../tiers/near-tier.ts'
import type { Flight } from './flight.ts'
import { Flights } from './flights.ts'
import { Loading } from './loading.ts'

/** Of how many keys it is remembered why their last value was not kept, or why an entry went; for `explain`. */
const rememberedVerdicts = 1_000

/** Why a key has no entry, as far as it is remembered. */
export interface Verdict {
  readonly notKept?: NotKeptReason
  readonly gone?: GoneReason
}

/** `ttl`: it outlived its ttl and windows. `age`: the near tier's `maxAge` passed. `bus`: it may have lost messages. The others are invalidations. */
export type GoneReason = 'ttl' | 'age' | 'bus' | 'clear' | 'delete' | 'expire' | `tag ${string}`

/** What a cache and all its namespaces share: tiers, flights, fence, time, counters. It holds state and no policy. */
export class Engine {
  readonly name: string
  readonly settings: CacheSettings
  readonly clock: Clock
  /** A monotonic reading that may be a moment old; for near hits only. */
  readonly coarse: CoarseTime
  readonly fence = new Fence()
  readonly root: Scope
  /** Until here invalidations of other processes may have been missed. */
  distrustedSeq = 0
  readonly near: NearTier | undefined
  /** The load that a caller of a key may join. */
  readonly flights = new Flights()
  /** Every load that is not done yet, also those that nobody may join any more. */
  readonly loading = new Loading()
  /** What comes with a store; `undefined` without one, and until it has been loaded. */
  far: Far | undefined
  /** What watches this cache's health since somebody first asked; it ends with the cache. */
  monitor: HealthMonitor | undefined
  /** While the breaker lets nothing through: since when. */
  storeOutSince: number | undefined
  /** While the bus is not up: since when. */
  busDownSince: number | undefined
  /** When the cache was made, monotonic. */
  readonly startedAt: number
  /** While what comes with a store is being loaded, every call but a near hit waits for it. */
  opening: Promise<void> | undefined
  readonly deadlines: Deadlines
  readonly bulkhead: Bulkhead | undefined
  readonly counters = new Counters()
  readonly observer: Observer
  readonly verdicts = new LRUCache<string, Verdict>({ max: rememberedVerdicts })
  /** Where refreshes behind a caller run: not in the AsyncLocalStorage of whoever happened to come first. */
  readonly #ownContext = new AsyncResource('HoldfastCache', { requireManualDestroy: false })

  constructor(settings: CacheSettings) {
    this.settings = settings
    this.name = settings.name
    this.clock = settings.clock
    this.startedAt = settings.clock.monotonic()
    this.coarse = new CoarseTime(settings.clock)
    this.root = new Scope(this.fence, undefined, settings.namespace)
    if (settings.sensitive !== undefined) this.root.declareSensitive()
    this.observer = new Observer(settings.name, settings.clock)
    this.deadlines = new Deadlines(settings.clock)
    const { loadConcurrency, loadQueue } = settings.resilience
    this.bulkhead =
      loadConcurrency === Number.POSITIVE_INFINITY
        ? undefined
        : new Bulkhead(loadConcurrency, loadQueue)
    this.near =
      settings.memory &&
      new NearTier(settings.memory, (nearKey, entry) => {
        this.counters.evictions++
        if (this.observer.hearsMisses && this.observer.hears('evict')) {
          this.observer.emit('evict', {
            cache: this.name,
            key: this.#evictedKey(nearKey),
            bytes: entry.bytes,
          })
        }
      })
  }

  /** How values of a scope are kept apart from their callers. */
  valueModeOf(scope: Scope): ValueMode {
    return scope.values ?? this.settings.memory?.values ?? 'isolated'
  }

  /** How long the near tier believes an entry without asking again. */
  get maxAgeMs(): number {
    return this.far?.tier.maxAgeMs ?? this.settings.memory?.maxAgeMs ?? Number.POSITIVE_INFINITY
  }

  /**
   * Invalidations of other processes may have been missed: what was kept until now is looked up again. What was loaded
   * while the store was out stays: there is nowhere to look it up.
   */
  distrust(): void {
    this.distrustedSeq = ++this.fence.seq
  }

  /** The store did not do what it was asked: no caller of `wrap` or `get` hears of it otherwise. */
  storeFailed(operation: string, error: unknown): void {
    this.counters.storeErrors++
    // What close() cut off is no news to anybody.
    if (!this.root.closed) this.observer.error('store', error, operation)
  }

  /** A failure of one key that no caller sees. */
  failed(kind: ErrorKind, error: unknown, scope: Scope, key: string): void {
    this.observer.error(kind, error, said(scope, key), scope.isSensitive)
  }

  /** The near tier knows a namespace by its prefix only. */
  #evictedKey(nearKey: string): string {
    const key = userKey(nearKey)
    if (!this.fence.anySensitive) return key
    const end = nearKey.charCodeAt(0) === 0 ? nearKey.indexOf('\0', 1) + 1 : 0
    // One that is found no more may have been anything.
    const scope = end > 2 ? this.fence.recent.get(nearKey.slice(0, end)) : this.root
    return scope === undefined ? standIn(key) : said(scope, key)
  }

  /** Bytes in the store that are not believed. */
  refused(scope: Scope, key: string, reason: string): void {
    this.counters.refused++
    if (this.observer.hears('refused'))
      this.observer.emit('refused', { cache: this.name, key: said(scope, key), reason })
  }

  /** Bytes that the store itself did not believe. It knows keys, and no namespaces: one that is sensitive silences all. */
  refusedAfar(key: string, reason: string): void {
    this.counters.refused++
    if (!this.observer.hears('refused')) return
    const told = this.fence.anySensitive ? standIn(key) : key
    this.observer.emit('refused', { cache: this.name, key: told, reason })
  }

  breakerChanged(state: BreakerState): void {
    if (state === 'closed') this.storeOutSince = undefined
    else this.storeOutSince ??= this.clock.monotonic()
    if (this.observer.hears('breaker')) this.observer.emit('breaker', { cache: this.name, state })
  }

  busChanged(reason: BusEvent['reason']): void {
    if (reason === 'up') this.busDownSince = undefined
    else if (reason === 'down' || reason === 'silence') this.busDownSince ??= this.clock.monotonic()
    if (reason === 'gap') this.counters.busGaps++
    if (this.observer.hears('bus')) this.observer.emit('bus', { cache: this.name, reason })
  }

  /**
   * When a load begins that no store has a part in. Where nobody is told how long it takes it may be a moment old, as
   * for a hit: an exact reading would be a sixth of what such a load costs.
   */
  get missedAt(): number {
    return this.observer.hearsMisses ? this.clock.monotonic() : this.coarse.now()
  }

  /** When a load ends, read exactly, whatever its loader did; a number on the heap only where somebody is told of it. */
  get loadedAt(): number {
    const now = this.clock.monotonic()
    return this.observer.hearsMisses ? now : Math.trunc(now)
  }

  runInOwnContext(run: () => void): void {
    this.#ownContext.runInAsyncScope(run)
  }

  /** The usable entry under a key. One that is not usable any more is dropped on the way. */
  lookup(scope: Scope, nearKey: string, now: number): Entry | undefined {
    const entry = this.near?.get(nearKey)
    return entry === undefined ? undefined : this.ifUsable(scope, nearKey, entry, now)
  }

  /** The entry, unless it is not usable any more: then it is dropped. */
  ifUsable(scope: Scope, nearKey: string, entry: Entry, now: number): Entry | undefined {
    const gone = this.whyGone(scope, entry, now)
    if (gone === undefined) return entry
    this.near?.delete(nearKey)
    this.verdicts.set(nearKey, { gone })
    return undefined
  }

  /** Why an entry is not usable at all any more, if it is not. One found valid is known to be so until the next invalidation. */
  whyGone(scope: Scope, entry: Entry, now: number): GoneReason | undefined {
    if (entry.seq !== this.fence.seq) {
      if (scope.clearedSince(entry.seq)) return 'clear'
      const touched = touchedMark(entry.marks, entry.seq)
      if (touched !== undefined) return `tag ${touched.tag}`
      if (this.distrustedSeq > entry.seq && !entry.isMemo) return 'bus'
      const expired = expiredMark(entry.marks, entry.seq)
      if (expired !== undefined) {
        const at = Math.max(expired.at, entry.storedAt)
        if (!expireEntry(entry, at, `tag ${expired.tag}`)) return `tag ${expired.tag}`
      }
      entry.seq = this.fence.seq
    }
    if (entry.ageAt !== undefined && now >= entry.ageAt) return 'age'
    return now >= goneAt(entry) ? 'ttl' : undefined
  }

  /** What a hit resolves to: one promise per entry, or a copy of its own. */
  hand(entry: Entry): Promise<unknown> {
    if (entry.kind === 'shareable') return entry.promise
    return entry.kind === 'error'
      ? Promise.reject(entry.value)
      : Promise.resolve(copyValue(entry.value))
  }

  /** What a hit is, synchronously. */
  valueOf(entry: Entry): unknown {
    return entry.kind === 'copied' ? copyValue(entry.value) : entry.value
  }

  staleValue(flight: Flight | undefined): unknown {
    const entry = flight?.stale
    return entry === undefined || entry.kind === 'error' ? undefined : this.valueOf(entry)
  }

  /**
   * The flight that a caller who comes now may join: not one whose key, namespace or named tags were invalidated
   * since it started. Such a flight is dropped from the map; its waiters keep their answer.
   */
  joinable(scope: Scope, nearKey: string): Flight | undefined {
    const flight = this.flights.get(nearKey)
    if (flight === undefined || flight.seq === this.fence.seq) return flight
    if (!scope.clearedSince(flight.seq) && !isTouched(flight.marks, flight.seq)) return flight
    this.voidFlight(nearKey)
    return undefined
  }

  takeOff(flight: Flight): void {
    if (!flight.apart) this.flights.set(flight.nearKey, flight)
  }

  land(flight: Flight): void {
    if (this.flights.get(flight.nearKey) === flight) this.flights.delete(flight.nearKey)
  }

  /** From here on nobody joins the load of this key, and its value is not kept. */
  voidFlight(nearKey: string): void {
    this.far?.tier.voidRead(nearKey)
    const flight = this.flights.get(nearKey)
    if (flight === undefined) return
    flight.voided = true
    this.flights.delete(nearKey)
  }
}

/** The near tier's key of a scope's key. Keys of the outermost scope are as they are, unless they look like a scope's prefix. */
export function nearKeyOf(scope: Scope, key: string): string {
  if (scope.prefix !== '') return scope.prefix + key
  return key.charCodeAt(0) === 0 ? `\0\0${key}` : key
}

/** The key as its caller wrote it. */
function userKey(nearKey: string): string {
  if (nearKey.charCodeAt(0) !== 0) return nearKey
  return nearKey.slice(nearKey.indexOf('\0', 1) + 1)
}
