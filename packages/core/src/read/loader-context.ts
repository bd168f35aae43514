import { InvalidOptionError } from '../errors.ts'
import { type Duration, parseDuration } from '../options/duration.ts'
import { readTags } from '../options/readers.ts'
import type { Flight } from './flight.ts'

/** What a loader is handed. Every part may be taken out of it: `({ signal, skip }) => …`. */
export interface LoaderContext {
  /** The key being loaded; of a `wrapMany`, the first of them. */
  readonly key: string
  /** Aborts when every caller has left by its own signal, or at `loadTimeout`. */
  readonly signal: AbortSignal
  /** The value kept until now, if one is; of a `wrapMany`, a `Map` of them by key. Pass its etag on, and answer `notModified()`. */
  readonly stale: unknown
  /** Keeps the loaded value this long instead of `ttl`; 0 = do not keep it. */
  setTtl(ttl: Duration): void
  /** Tags of the loaded value, in addition to those of the call. */
  setTags(tags: readonly string[]): void
  /** Ends the loader: the stale value is as good as new. */
  notModified(): never
  /** Returns `value` to the callers without keeping it; what was kept stays. */
  skip<T>(value: T): T
}

/** Thrown by `notModified()`; never seen by a caller. */
export class NotModified {
  readonly context: Context

  constructor(context: Context) {
    this.context = context
  }
}

/** What the context reads from its load, and only when the loader asks. */
export interface ContextSource {
  readonly abortSignal: AbortSignal
  staleValue(flights: readonly Flight[]): unknown
}

/**
 * The context of one run. Its parts are made when they are taken, because most loaders take none: a miss should
 * not pay for an AbortController that nobody reads.
 */
export class Context implements LoaderContext {
  readonly #source: ContextSource
  /** The keys of this run. */
  readonly flights: readonly Flight[]
  ttlMs: number | undefined = undefined
  tags: readonly string[] | undefined = undefined
  skipped = false

  constructor(source: ContextSource, flights: readonly Flight[]) {
    this.#source = source
    this.flights = flights
  }

  get key(): string {
    return this.flights[0]?.key ?? ''
  }

  get signal(): AbortSignal {
    return this.#source.abortSignal
  }

  get stale(): unknown {
    return this.#source.staleValue(this.flights)
  }

  /** Registered, so that packages on top of a cache can ask what became of what their loader returned. */
  get [Symbol.for('holdfast.isStored')](): boolean | undefined {
    return this.flights[0]?.isStored
  }

  get setTtl(): (ttl: Duration) => void {
    return (ttl) => {
      this.ttlMs = parseDuration(ttl, 'setTtl(ttl)')
    }
  }

  get setTags(): (tags: readonly string[]) => void {
    return (tags) => {
      this.tags = readTags(tags, 'setTags(tags)')
    }
  }

  get notModified(): () => never {
    return () => {
      if (this.stale === undefined) {
        throw new InvalidOptionError(
          'notModified() needs a stale value to keep, and there is none; check context.stale first',
        )
      }
      throw new NotModified(this)
    }
  }

  get skip(): <T>(value: T) => T {
    return (value) => {
      this.skipped = true
      return value
    }
  }
}
