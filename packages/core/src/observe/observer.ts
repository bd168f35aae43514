import type { Clock } from '../clock.ts'
import { isCacheError } from '../errors.ts'
import { refuseUnknownName } from '../options/known-names.ts'
import { readFunction } from '../options/readers.ts'
import { type CacheEvents, channels, type ErrorKind, type EventName, eventNames } from './events.ts'
import type { Measure } from './measuring.ts'
import type { Tracing } from './tracing.ts'

const warnEveryMs = 60_000

/** The events that tell of a call, and how long it took. */
const outcomes = ['hit', 'stale', 'miss', 'refreshed'] as const

type Listeners = Set<(event: never) => unknown>

/** Hears every event but near hits that memory answers at once, which are as fast as they are without it. */
export type Tap = <Name extends EventName>(name: Name, event: CacheEvents[Name]) => void

/**
 * Carries events to the listeners of one cache and to the process's diagnostics channels. A listener that throws
 * changes nothing for the cache. Errors that nobody listens for become a process warning, one of each kind a
 * minute, so that nothing is silently swallowed.
 */
export class Observer {
  readonly #cache: string
  readonly #clock: Clock
  readonly #listeners = Object.fromEntries(
    eventNames.map((name) => [name, new Set()]),
  ) as unknown as Readonly<Record<EventName, Listeners>>
  /** Somebody listens for hits: the one question that a near hit asks. */
  hearsHits = false
  /** Somebody listens for anything: the one question that a miss asks of the cache's own listeners. */
  #isAttended = false
  /** Each with what it does when the cache closes. */
  readonly #taps = new Map<Tap, (() => void) | undefined>()
  tracing: Tracing | undefined
  measure: Measure | undefined
  readonly #warnedAt = new Map<ErrorKind, number>()

  constructor(cache: string, clock: Clock) {
    this.#cache = cache
    this.#clock = clock
  }

  /** @throws InvalidOptionError for an unknown event or a listener that is no function. */
  on<Name extends EventName>(name: Name, listener: (event: CacheEvents[Name]) => void): () => void {
    refuseUnknownName(String(name), eventNames, 'on(event, listener) has no event')
    readFunction(listener, `the listener of on('${name}', listener)`)
    // Wrapped, so that one function registered twice is two registrations, each with an end of its own.
    const registered = (event: CacheEvents[Name]) => listener(event)
    this.#listeners[name].add(registered)
    this.#note()
    return () => {
      this.#listeners[name].delete(registered)
      this.#note()
    }
  }

  #note(): void {
    this.hearsHits = this.#listeners.hit.size > 0
    this.#isAttended =
      this.#taps.size > 0 || eventNames.some((name) => this.#listeners[name].size > 0)
  }

  /** For telemetry: it must not throw. The answer ends it. */
  tap(hear: Tap, whenClosed?: () => void): () => void {
    this.#taps.set(hear, whenClosed)
    this.#note()
    return () => {
      this.#taps.delete(hear)
      this.#note()
    }
  }

  /** Whether anybody might hear of anything that a miss brings: asked by name, each would be a look-up among many shapes. */
  get hearsMisses(): boolean {
    return (
      this.#isAttended ||
      channels.miss.hasSubscribers ||
      channels.load.hasSubscribers ||
      channels.evict.hasSubscribers
    )
  }

  /** Whether anybody would hear of it: ask before an event is built. */
  hears(name: EventName): boolean {
    return this.#isListenedTo(name) || this.#taps.size > 0
  }

  /** Whether anybody would hear how long a call took. */
  get timesCalls(): boolean {
    return outcomes.some((name) => this.hears(name))
  }

  #isListenedTo(name: EventName): boolean {
    return this.#listeners[name].size > 0 || channels[name].hasSubscribers
  }

  emit<Name extends EventName>(name: Name, event: CacheEvents[Name]): void {
    // A listener for errors that throws must not be told of it, or it would be told for ever.
    const failed = (error: unknown) =>
      name === 'error' ? this.#warn('listener', error) : this.error('listener', error)
    for (const listener of this.#listeners[name]) {
      try {
        const returned = listener(event as never)
        if (returned instanceof Promise) returned.catch(failed)
      } catch (error) {
        failed(error)
      }
    }
    if (channels[name].hasSubscribers) channels[name].publish(event)
    for (const hear of this.#taps.keys()) hear(name, event)
  }

  /** A failure that no caller sees. */
  error(kind: ErrorKind, error: unknown, key?: string, isSensitive = false): void {
    if (this.hears('error')) this.emit('error', { cache: this.#cache, kind, key, error })
    // Metrics count it, and nobody reads there what it was.
    if (!this.#isListenedTo('error')) this.#warn(kind, error, isSensitive)
  }

  #warn(kind: ErrorKind, error: unknown, isSensitive = false): void {
    const now = this.#clock.monotonic()
    if (now - (this.#warnedAt.get(kind) ?? -Infinity) < warnEveryMs) return
    this.#warnedAt.set(kind, now)
    process.emitWarning(`cache '${this.#cache}': ${advice[kind]}: ${summary(error, isSensitive)}`, {
      type: 'HoldfastWarning',
      code: `HOLDFAST_${kind.toUpperCase()}`,
      detail:
        "Listen with cache.on('error', …) to hear of each; without a listener one of each kind a minute is shown.",
    })
  }

  close(): void {
    for (const name of eventNames) this.#listeners[name].clear()
    const closed = [...this.#taps.values()]
    this.#taps.clear()
    this.#note()
    this.tracing = undefined
    this.measure = undefined
    this.#warnedAt.clear()
    for (const whenClosed of closed) whenClosed?.()
  }
}

const advice: Record<ErrorKind, string> = {
  refresh: 'a refresh behind a caller failed',
  fallback: 'a load failed and a stale value was served',
  codec: 'a value was returned but not kept',
  store: 'the store did not do what it was asked',
  listener: 'a listener threw',
}

function summary(error: unknown, isSensitive: boolean): string {
  // What a loader says of a sensitive value may be the value.
  if (isSensitive && error instanceof Error && !isCacheError(error)) return `a ${error.name}`
  return error instanceof Error
    ? `${error.name}: ${error.message}`
    : `a thrown ${error === null ? 'null' : typeof error}`
}
