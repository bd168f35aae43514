import { LRUCache } from 'lru-cache'
import { type Clock, keepAlive } from '../clock.ts'
import type { Bus } from '../store/store.ts'
import { newStamp } from '../tiers/stamps.ts'
import { type BusContent, type BusMessage, decodeMessage, encodeMessage } from './bus-message.ts'

/** How often a cache gives a sign of life. */
const beatMs = 1_000
/** A link on which not even the cache's own signs of life come back for this long is not believed. */
const silenceMs = 1_800
/** Within this time after it began to listen, a cache has heard a sign of life of every other one. */
const newcomerMs = 3_000
const rememberedOrigins = 10_000
/** So many keys or tags in one message. */
const perMessage = 500

export interface BusListener {
  /** What another cache of the same namespace tells. */
  heard(content: BusContent): void
  /** Messages may have been lost: whatever is kept near may be old. */
  distrust(reason: 'gap' | 'silence' | 'down' | 'up'): void
  /** Heard of for the first time, in the middle: what it told before may have been lost. */
  met(): void
  malformed(): void
  /** One of its own signs of life came back after so long. */
  lag(ms: number): void
  /** A message did not go out. */
  unsent(error: unknown): void
}

/**
 * One cache's end of the bus. A bus carries messages at most once and forgets what nobody heard; so each cache numbers
 * its messages and beats once a second, and hears its own beats. From a gap, a new epoch, a reconnect or silence it
 * knows that it may have missed something, and says so.
 */
export class BusLink {
  readonly #bus: Bus
  readonly #clock: Clock
  readonly #listener: BusListener
  readonly #root: string
  readonly #origin = newStamp()
  #epoch = newStamp()
  #seq = 0
  readonly #heardFrom = new LRUCache<string, { epoch: string; seq: number }>({
    max: rememberedOrigins,
  })
  #unsubscribe: (() => void) | undefined
  #timer: unknown
  #isUp = false
  /** It was up as far as the bus knows, and nothing came. */
  #isSilent = false
  #upAt = 0
  #lastHeardAt: number
  /** A sign of life that has not come back yet. */
  #awaited: { readonly seq: number; readonly sentAt: number } | undefined
  #closed = false

  constructor(bus: Bus, clock: Clock, root: string, listener: BusListener) {
    this.#bus = bus
    this.#clock = clock
    this.#root = root
    this.#listener = listener
    this.#lastHeardAt = Number.NEGATIVE_INFINITY
  }

  start(): void {
    this.#unsubscribe = this.#bus.subscribe(
      (bytes) => this.#received(bytes),
      (state) => this.#changed(state === 'up'),
    )
    this.#beat()
  }

  /** Whether the near tier may rely on hearing of invalidations. */
  get isTrusted(): boolean {
    return this.#isUp && this.#clock.monotonic() - this.#lastHeardAt < silenceMs
  }

  /** Never rejects: what does not go out begins a new epoch, from which the others know. */
  async publish(content: BusContent): Promise<void> {
    if (this.#closed) return
    const message: BusMessage = {
      v: 1,
      origin: this.#origin,
      epoch: this.#epoch,
      seq: ++this.#seq,
      root: this.#root,
      what: content,
    }
    try {
      await this.#bus.publish(encodeMessage(message))
    } catch (error) {
      // Whoever closes the cache closes the store with it, and messages under way have nobody to tell.
      if (this.#closed) return
      // The numbers go on, so that also who hears of this cache for the first time knows that there was something before.
      if (message.epoch === this.#epoch) this.#epoch = newStamp()
      this.#listener.unsent(error)
    }
  }

  async publishKeys(
    path: readonly string[],
    keys: readonly string[],
    expire: boolean,
  ): Promise<void> {
    await Promise.all(
      slices(keys).map((some) => this.publish({ type: 'keys', path, keys: some, expire })),
    )
  }

  async publishTags(
    path: readonly string[],
    tags: readonly string[],
    expire: boolean,
  ): Promise<void> {
    const how = expire ? { expire } : {}
    await Promise.all(
      slices(tags).map((some) => this.publish({ type: 'tags', path, tags: some, ...how })),
    )
  }

  #changed(isUp: boolean): void {
    const before = this.#isUp
    this.#isUp = isUp
    this.#isSilent = false
    if (isUp) {
      this.#upAt = this.#clock.monotonic()
      this.#lastHeardAt = this.#upAt
    }
    // Told 'up' twice means lost in between, too.
    if (isUp || before) this.#listener.distrust(isUp ? 'up' : 'down')
  }

  #received(bytes: Uint8Array): void {
    const message = decodeMessage(bytes)
    if (message === undefined) {
      this.#listener.malformed()
      return
    }
    this.#lastHeardAt = this.#clock.monotonic()
    if (message.origin === this.#origin) this.#cameBack(message.seq)
    if (message.origin === this.#origin || message.root !== this.#root) return
    const { origin, epoch, seq } = message
    const last = this.#heardFrom.get(origin)
    this.#heardFrom.set(origin, { epoch, seq })
    // One that was never heard of may have begun before this cache listened, in its first seconds; later it is new,
    // and begins with its first message.
    const isNews = last === undefined && this.#clock.monotonic() - this.#upAt < newcomerMs
    const expected = isNews ? seq : last?.epoch === epoch ? last.seq + 1 : 1
    if (seq !== expected || (last !== undefined && last.epoch !== epoch))
      this.#listener.distrust('gap')
    else if (isNews && seq > 1) this.#listener.met()
    this.#listener.heard(message.what)
  }

  /** Its own clock has both ends of the way, so no two machines' clocks are compared. */
  #cameBack(seq: number): void {
    const awaited = this.#awaited
    if (awaited === undefined || seq < awaited.seq) return
    // A later one that comes first means that this one was lost.
    this.#awaited = undefined
    if (seq === awaited.seq) this.#listener.lag(this.#clock.monotonic() - awaited.sentAt)
  }

  #beat(): void {
    if (this.#closed) return
    const now = this.#clock.monotonic()
    if (this.#isUp && now - this.#lastHeardAt >= silenceMs) {
      this.#isUp = false
      this.#isSilent = true
      this.#listener.distrust('silence')
    } else if (this.#isSilent && now - this.#lastHeardAt < silenceMs) {
      // It is not any more, although the bus noticed neither.
      this.#isSilent = false
      this.#isUp = true
      this.#upAt = now
      this.#listener.distrust('up')
    }
    if (this.#isUp) this.#awaited ??= { seq: this.#seq + 1, sentAt: now }
    void this.publish({ type: 'beat' })
    this.#timer = this.#clock.setTimeout(() => this.#beat(), beatMs)
    keepAlive(this.#timer, false)
  }

  close(): void {
    this.#closed = true
    this.#clock.clearTimeout(this.#timer)
    this.#unsubscribe?.()
  }
}

function slices(all: readonly string[]): string[][] {
  const some: string[][] = []
  for (let from = 0; from < all.length; from += perMessage)
    some.push(all.slice(from, from + perMessage))
  return some
}
