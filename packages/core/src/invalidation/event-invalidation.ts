import type { Cache } from '../cache.ts'
import { type Clock, keepAlive, systemClock, type TimerHandle } from '../clock.ts'
import { InvalidOptionError } from '../errors.ts'
import { readBus } from '../options/far-settings.ts'
import { refuseUnknownNames } from '../options/known-names.ts'
import { readFunction, readName, readObject, readOneOf, readTags } from '../options/readers.ts'
import type { Bus, Store } from '../store/store.ts'
import { decodeEvent, encodeEvent, type InvalidationEvent } from './event-message.ts'
import { type EventTarget, eventTarget } from './event-target.ts'

export interface EventInvalidationOptions {
  /** Of a store: the namespace of the caches that use it. Keys and tags of events are then theirs. Default: none, keys are the store's own, and tags cannot be found. */
  readonly namespace?: string | undefined
  /** When events may have been lost: `'wait'` for the ttl to end what is old, or `'clear'` the cache. Default `'wait'`. */
  readonly onGap?: 'wait' | 'clear' | undefined
  /** Hears of each invalidation that failed. */
  readonly onError?: ((error: unknown) => void) | undefined
  /** Source of time. Default: the machine's. */
  readonly clock?: Clock | undefined
}

/** Counted since the subscription began. */
export interface EventInvalidationStats {
  /** Events that were understood. */
  readonly events: number
  /** Messages that were no event, or one of another version. */
  readonly malformed: number
  /** Keys and tags that were invalidated. */
  readonly keys: number
  readonly tags: number
  /** Tags that a store without `namespace` cannot find. */
  readonly unknownTags: number
  /** Invalidations that failed; those of a store are tried again until they succeed. */
  readonly failures: number
  /** Times that events may have been lost: the subscription broke, or more was to be done than could be remembered. */
  readonly gaps: number
}

export interface EventInvalidationHealth {
  /** `up`: events arrive and are carried out. `down`: none arrive. `behind`: some are still to be carried out again. */
  readonly status: 'up' | 'down' | 'behind'
  /** Unix milliseconds of the last gap: what was invalidated in it may still be served until its ttl is over. */
  readonly lastGapAt: number | undefined
  /** Keys and tags that are still to be invalidated. */
  readonly pending: number
}

/** A subscription that invalidates. */
export interface EventInvalidation {
  stats(): EventInvalidationStats
  health(): EventInvalidationHealth
  /** Ends the subscription, once what was heard is carried out. Bus and target stay open. */
  close(): Promise<void>
}

/** So many keys and tags at once. */
const mostAtOnce = 500
/** What is not carried out yet beyond this counts as a gap: memory is bounded, whoever publishes. */
const mostPending = 100_000
const retryMs = 250
const mostRetryMs = 5_000

/**
 * Deletes keys and tags of a cache or a store on events that anybody may publish on `bus`, in any language: JSON,
 * `{ "v": 1, "keys": [], "tags": [] }`. A bus carries at most once: what is published while the subscription is down is
 * lost, shows as a gap, and is bounded by the ttl of what is kept, or with `onGap: 'clear'` by the end of the gap.
 * @throws InvalidOptionError
 */
export function invalidateOnEvents(
  target: Cache | Store,
  bus: Bus,
  options: EventInvalidationOptions = {},
): EventInvalidation {
  const given = readObject(options, 'invalidateOnEvents') as EventInvalidationOptions
  refuseUnknownNames(given, ['namespace', 'onGap', 'onError', 'clock'], 'invalidateOnEvents')
  const { namespace, onGap, onError, clock = systemClock } = given
  if (namespace !== undefined && namespace !== '') readName(namespace, 'namespace')
  if (onGap !== undefined) readOneOf('wait', 'clear')(onGap, 'onGap')
  if (onError !== undefined) readFunction(onError, 'onError')
  const events = eventTarget(target, namespace)
  if (onGap === 'clear' && events.clear === undefined)
    throw new InvalidOptionError("onGap 'clear' needs a cache; a store alone cannot be cleared")
  const source = readBus(bus, 'the bus of invalidateOnEvents')
  return new Subscription(events, source, onGap === 'clear', onError, clock)
}

/** Publishes an event. @throws InvalidOptionError, or what the bus rejects with, as a rejection. */
export async function publishInvalidation(bus: Bus, event: InvalidationEvent): Promise<void> {
  const given = readObject(event, 'publishInvalidation') as InvalidationEvent
  refuseUnknownNames(given, ['keys', 'tags'], 'publishInvalidation')
  const keys = readTags(given.keys ?? [], 'keys')
  const tags = readTags(given.tags ?? [], 'tags')
  // 500 texts of 4,096 bytes, each byte escaped, would be above what a subscriber reads.
  const most = 40
  for (let from = 0; from < Math.max(keys.length, tags.length); from += most) {
    const part = (texts: readonly string[]) => texts.slice(from, from + most)
    await bus.publish(encodeEvent({ keys: part(keys), tags: part(tags) }))
  }
}

class Subscription implements EventInvalidation {
  readonly #target: EventTarget
  readonly #clears: boolean
  readonly #onError: ((error: unknown) => void) | undefined
  readonly #clock: Clock
  readonly #unsubscribe: () => void
  readonly #keys = new Set<string>()
  readonly #tags = new Set<string>()
  #mustClear = false
  #working: Promise<void> | undefined
  #wake: (() => void) | undefined
  #timer: TimerHandle
  #isUp = false
  #wasUp = false
  #isBehind = false
  #closed = false
  #lastGapAt: number | undefined
  #stats = { events: 0, malformed: 0, keys: 0, tags: 0, unknownTags: 0, failures: 0, gaps: 0 }

  constructor(
    target: EventTarget,
    bus: Bus,
    clears: boolean,
    onError: ((error: unknown) => void) | undefined,
    clock: Clock,
  ) {
    this.#target = target
    this.#clears = clears
    this.#onError = onError
    this.#clock = clock
    this.#unsubscribe = bus.subscribe(
      (bytes) => this.#heard(bytes),
      (state) => this.#changed(state === 'up'),
    )
  }

  stats(): EventInvalidationStats {
    return { ...this.#stats }
  }

  health(): EventInvalidationHealth {
    return {
      status: !this.#isUp || this.#closed ? 'down' : this.#isBehind ? 'behind' : 'up',
      lastGapAt: this.#lastGapAt,
      pending: this.#keys.size + this.#tags.size,
    }
  }

  #changed(isUp: boolean): void {
    // Up for the first time nothing was missed that was promised; up again something may have been.
    if (isUp && this.#wasUp) this.#gap()
    else if (!isUp && this.#isUp) this.#lastGapAt = this.#clock.now()
    this.#wasUp ||= isUp
    this.#isUp = isUp
  }

  #gap(): void {
    this.#stats.gaps++
    this.#lastGapAt = this.#clock.now()
    if (!this.#clears) return
    this.#mustClear = true
    this.#work()
  }

  #heard(bytes: Uint8Array): void {
    const event = decodeEvent(bytes)
    if (event === undefined) {
      this.#stats.malformed++
      return
    }
    this.#stats.events++
    for (const key of event.keys) this.#keys.add(key)
    if (this.#target.takesTags) for (const tag of event.tags) this.#tags.add(tag)
    else this.#stats.unknownTags += event.tags.length
    this.#shed(this.#keys)
    this.#shed(this.#tags)
    this.#work()
  }

  #shed(pending: Set<string>): void {
    if (pending.size <= mostPending) return
    for (const oldest of pending) {
      pending.delete(oldest)
      if (pending.size <= mostPending) break
    }
    this.#gap()
  }

  #work(): void {
    this.#working ??= this.#workOff().finally(() => {
      this.#working = undefined
    })
  }

  /** In batches, as long as there is something to do. Never rejects. */
  async #workOff(): Promise<void> {
    let pauseMs = retryMs
    while (this.#mustClear || this.#keys.size + this.#tags.size > 0) {
      const mustClear = this.#mustClear
      const keys = take(this.#keys)
      const tags = take(this.#tags)
      this.#mustClear = false
      try {
        if (mustClear) await this.#target.clear?.()
        if (keys.length + tags.length > 0) await this.#target.invalidate(keys, tags)
        this.#isBehind = false
        this.#stats.keys += keys.length
        this.#stats.tags += tags.length
        pauseMs = retryMs
      } catch (error) {
        this.#failed(error)
        if (this.#target.makesUp) continue
        for (const key of keys) this.#keys.add(key)
        for (const tag of tags) this.#tags.add(tag)
        if (this.#closed) return
        this.#isBehind = true
        await this.#pause(pauseMs)
        pauseMs = Math.min(pauseMs * 2, mostRetryMs)
      }
    }
  }

  #failed(error: unknown): void {
    this.#stats.failures++
    try {
      this.#onError?.(error)
    } catch {
      // A listener that throws changes nothing for what is still to be done.
    }
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve
      this.#timer = this.#clock.setTimeout(resolve, ms)
      keepAlive(this.#timer, false)
    })
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#unsubscribe()
    this.#clock.clearTimeout(this.#timer)
    this.#wake?.()
    await this.#working
  }
}

function take(pending: Set<string>): string[] {
  const some: string[] = []
  for (const one of pending) {
    if (some.length === mostAtOnce) break
    some.push(one)
    pending.delete(one)
  }
  return some
}
