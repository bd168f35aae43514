import type { Clock } from '../clock.ts'
import { InvalidOptionError } from '../errors.ts'
import { nearestName } from '../options/known-names.ts'
import { type CacheEvents, channels, type ErrorKind, type EventName, eventNames } from './events.ts'

const warnEveryMs = 60_000

/**
 * Carries events to the listeners of one cache and to the process's diagnostics channels. A listener that throws
 * changes nothing for the cache. Errors that nobody listens for become a process warning, one of each kind a
 * minute, so that nothing is silently swallowed.
 */
export class Observer {
  readonly #cache: string
  readonly #clock: Clock
  readonly #listeners = new Map<EventName, Set<(event: never) => void>>()
  /** Somebody listens for hits: the one question that a near hit asks. */
  hearsHits = false
  readonly #warnedAt = new Map<ErrorKind, number>()

  constructor(cache: string, clock: Clock) {
    this.#cache = cache
    this.#clock = clock
  }

  /** @throws InvalidOptionError for an unknown event or a listener that is no function. */
  on<Name extends EventName>(name: Name, listener: (event: CacheEvents[Name]) => void): () => void {
    if (!eventNames.includes(name)) {
      const nearest = nearestName(String(name), eventNames)
      throw new InvalidOptionError(
        `there is no event '${String(name).slice(0, 40)}'${nearest === undefined ? '' : `; did you mean '${nearest}'?`} Events are ${eventNames.join(', ')}`,
      )
    }
    if (typeof listener !== 'function')
      throw new InvalidOptionError(
        `on('${name}', listener) needs a function; it was a ${typeof listener}`,
      )
    const listeners = this.#listeners.get(name) ?? new Set()
    this.#listeners.set(name, listeners)
    // Wrapped, so that one function registered twice is two registrations, each with an end of its own.
    const registered = (event: CacheEvents[Name]) => listener(event)
    listeners.add(registered)
    this.hearsHits = this.#listeners.has('hit')
    return () => {
      listeners.delete(registered)
      if (listeners.size === 0 && this.#listeners.get(name) === listeners)
        this.#listeners.delete(name)
      this.hearsHits = this.#listeners.has('hit')
    }
  }

  /** Whether anybody would hear of it: ask before an event is built. */
  hears(name: EventName): boolean {
    return this.#listeners.has(name) || channels[name].hasSubscribers
  }

  emit<Name extends EventName>(name: Name, event: CacheEvents[Name]): void {
    const listeners = this.#listeners.get(name)
    if (listeners !== undefined) {
      for (const listener of listeners) {
        try {
          const returned: unknown = (listener as (event: CacheEvents[Name]) => unknown)(event)
          if (returned instanceof Promise)
            returned.catch((error: unknown) => this.#listenerFailed(name, error))
        } catch (error) {
          this.#listenerFailed(name, error)
        }
      }
    }
    if (channels[name].hasSubscribers) channels[name].publish(event)
  }

  /** A failure that no caller sees. */
  error(kind: ErrorKind, error: unknown, key?: string): void {
    if (this.hears('error')) this.emit('error', { cache: this.#cache, kind, key, error })
    else this.#warn(kind, error)
  }

  #listenerFailed(name: EventName, error: unknown): void {
    // A listener for errors that throws must not be told of it, or it would be told for ever.
    if (name === 'error') this.#warn('listener', error)
    else this.error('listener', error)
  }

  #warn(kind: ErrorKind, error: unknown): void {
    const now = this.#clock.monotonic()
    const last = this.#warnedAt.get(kind)
    if (last !== undefined && now - last < warnEveryMs) return
    this.#warnedAt.set(kind, now)
    process.emitWarning(`cache '${this.#cache}': ${advice[kind]}: ${summary(error)}`, {
      type: 'HoldfastWarning',
      code: `HOLDFAST_${kind.toUpperCase()}`,
      detail:
        "Listen with cache.on('error', …) to hear of each; without a listener one of each kind a minute is shown.",
    })
  }

  close(): void {
    this.#listeners.clear()
    this.hearsHits = false
    this.#warnedAt.clear()
  }
}

const advice: Record<ErrorKind, string> = {
  refresh: 'a refresh behind a caller failed',
  fallback: 'a load failed and a stale value was served',
  codec: 'a value was returned but not kept',
  store: 'the store did not do what it was asked',
  listener: 'a listener threw',
}

function summary(error: unknown): string {
  return error instanceof Error
    ? `${error.name}: ${error.message}`
    : `a thrown ${error === null ? 'null' : typeof error}`
}
