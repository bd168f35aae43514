import type { Stamp } from '../entry/head.ts'
import { BusLink } from '../invalidation/bus-link.ts'
import type { BusContent } from '../invalidation/bus-message.ts'
import type { Scope } from '../invalidation/scope.ts'
import type { FarSettings } from '../options/far-settings.ts'
import { type Engine, nearKeyOf } from '../read/engine.ts'
import type { Flight } from '../read/flight.ts'
import { Bulkhead } from '../resilience/bulkhead.ts'
import type { Bus, RefusedReads, Store } from '../store/store.ts'
import { FarKeeper } from './far-keeper.ts'
import { FarLoads } from './far-loads.ts'
import { FarTier } from './far-tier.ts'
import type { OutgoingKey } from './far-writes.ts'
import {
  keyWithin,
  namespaceVersionKey,
  pathOf,
  storeKey,
  tagEpochKey,
  tagVersionKey,
} from './store-keys.ts'
import type { Ticket } from './ticket.ts'
import type { Overtaker } from './write.ts'

/** While the store is out, so many loads at once: a dead store must not become a dead origin. */
const outageConcurrency = 64

/**
 * Everything that comes with a store: the far tier, loads shared between processes, and the bus. Loaded when a cache
 * is given a store, so that one in memory alone carries none of it.
 */
export class Far {
  readonly #engine: Engine
  readonly tier: FarTier
  readonly loads: FarLoads
  readonly keeper: FarKeeper
  readonly #bus: Bus | undefined
  readonly #unhear: (() => void) | undefined
  readonly #writes = new Set<Promise<unknown>>()
  readonly #outage = new Bulkhead(outageConcurrency, Number.POSITIVE_INFINITY)

  constructor(engine: Engine, settings: FarSettings) {
    this.#engine = engine
    this.tier = new FarTier(engine, settings)
    const tickets = new WeakMap<Flight, Ticket>()
    this.keeper = new FarKeeper(engine, this.tier, tickets)
    this.loads = new FarLoads(engine, this.tier, tickets, this.keeper)
    const { bus, store } = settings
    this.#unhear = (store as Partial<RefusedReads>).onRefused?.((key, reason) => {
      const within = keyWithin(engine.root, key)
      if (within !== undefined) engine.refusedAfar(within, reason)
    })
    this.#bus = bus === false ? undefined : (bus ?? this.#busOf(store))
    if (this.#bus === undefined) return
    const link = new BusLink(this.#bus, engine.clock, engine.root.name, {
      heard: (content) => this.#heard(content),
      distrust: (reason) => {
        engine.busChanged(reason)
        this.tier.store.changedElsewhere()
        if (reason === 'gap' || reason === 'up') engine.distrust()
        // A store that went with the bus is found out here, and not by everybody whose entry is gone.
        else void this.tier.store.check().then(() => engine.distrust())
      },
      met: () => {
        this.tier.store.changedElsewhere()
        engine.distrust()
      },
      malformed: () => engine.busChanged('malformed'),
      lag: (ms) => engine.observer.measure?.('busLag', ms),
      unsent: (error) => engine.storeFailed('publish', error),
    })
    try {
      link.start()
      this.tier.link = link
    } catch (error) {
      // Without a bus the near tier believes itself for a second only; that is no reason not to serve.
      link.close()
      engine.storeFailed('subscribe', error)
    }
  }

  #busOf(store: Store): Bus | undefined {
    try {
      return store.bus?.()
    } catch (error) {
      this.#engine.storeFailed('bus', error)
      return undefined
    }
  }

  /** The bulkheads a load passes: its own, and during an outage one around the origin. */
  bulkheads(own: readonly Bulkhead[]): readonly Bulkhead[] {
    return this.tier.store.isUsable ? own : [this.#outage, ...own]
  }

  /** On the store and, whether that succeeded or not, on the bus. */
  deleteKeys(
    scope: Scope,
    keys: readonly string[],
    deletion: Overtaker | undefined,
  ): Promise<void> {
    const done = this.tier.writes.delete(scope, keys)
    if (deletion !== undefined) deletion.done = done
    return this.#write(done, () => this.#tellKeys(scope, keys, false))
  }

  expireKeys(scope: Scope, keys: readonly string[]): Promise<void> {
    return this.#write(this.tier.writes.expire(scope, keys), () =>
      this.#tellKeys(scope, keys, true),
    )
  }

  invalidateTags(scope: Scope, tags: readonly string[]): Promise<void> {
    return this.#write(
      this.tier.versionWrites.invalidateTags(scope, tags),
      () => void this.tier.link?.publishTags(pathOf(scope), tags, false),
    )
  }

  expireTags(scope: Scope, tags: readonly string[]): Promise<void> {
    return this.#write(
      this.tier.versionWrites.expireTags(scope, tags),
      () => void this.tier.link?.publishTags(pathOf(scope), tags, true),
    )
  }

  clear(scope: Scope): Promise<void> {
    return this.#write(
      this.tier.versionWrites.clear(scope),
      () => void this.tier.link?.publish({ type: 'clear', path: pathOf(scope) }),
    )
  }

  set(scope: Scope, items: readonly OutgoingKey[]): Promise<(Stamp | undefined)[]> {
    const keys = items.map(({ key }) => key)
    return this.#write(this.tier.writes.set(scope, items), () => this.#tellKeys(scope, keys, false))
  }

  #write<T>(write: Promise<T>, tell: () => void): Promise<T> {
    const told = write.finally(() => {
      this.#writes.delete(told)
      tell()
    })
    this.#writes.add(told)
    return told
  }

  /** Resolves once the writes and invalidations under way have ended, and what failed of them has been tried once more. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#writes)
    await this.tier.makeUp.now()
  }

  #tellKeys(scope: Scope, keys: readonly string[], expire: boolean): void {
    void this.tier.link?.publishKeys(pathOf(scope), keys, expire)
  }

  #heard(content: BusContent): void {
    if (content.type === 'beat') return
    const scope = this.#scopeAt(content.path)
    const engine = this.#engine
    // Only stores that read from copies want to know.
    if (this.tier.settings.store.changedElsewhere !== undefined)
      this.tier.store.changedElsewhere(keysOf(scope, content))
    if (content.type === 'done') {
      this.loads.wake(storeKey(scope, content.key))
      // What is stale here has been renewed there.
      const nearKey = nearKeyOf(scope, content.key)
      const entry = engine.near?.peek(nearKey)
      const now = engine.clock.monotonic()
      // Whether it was expired by a tag is found out by looking.
      if (entry && (engine.whyGone(scope, entry, now) !== undefined || entry.staleAt <= now))
        engine.near?.delete(nearKey)
      return
    }
    if (content.type === 'clear') scope.clear()
    else if (content.type === 'tags') {
      if (content.expire === true)
        scope.expireTags(content.tags, Math.trunc(engine.clock.monotonic()))
      else scope.invalidateTags(content.tags)
    } else {
      for (const key of content.keys) {
        const nearKey = nearKeyOf(scope, key)
        this.tier.writes.doubt(nearKey)
        engine.voidFlight(nearKey)
        engine.near?.delete(nearKey)
      }
    }
  }

  #scopeAt(path: readonly string[]): Scope {
    return path.reduce((scope, name) => scope.child(name), this.#engine.root)
  }

  async close(): Promise<void> {
    this.#unhear?.()
    this.loads.close()
    this.tier.link?.close()
    this.tier.close()
    // Only what was opened here is closed here: a store or bus that was handed in may serve others.
    if (this.#bus !== this.tier.settings.bus) await this.#bus?.close()
  }
}

/** Where in the store it stands what a message of another process says to have changed. */
function keysOf(scope: Scope, content: Exclude<BusContent, { readonly type: 'beat' }>): string[] {
  switch (content.type) {
    case 'done':
      return [storeKey(scope, content.key)]
    case 'keys':
      return content.keys.map((key) => storeKey(scope, key))
    case 'tags':
      return [tagEpochKey(scope), ...content.tags.map((tag) => tagVersionKey(scope, tag))]
    case 'clear':
      return [namespaceVersionKey(scope)]
  }
}
