import { keepAlive, type TimerHandle } from '../clock.ts'
import { InvalidOptionError } from '../errors.ts'
import { Deadlines } from '../resilience/deadlines.ts'
import { commonCapabilities } from '../store/common-limits.ts'
import type { Store, StoreCapabilities } from '../store/store.ts'
import type { Ring } from './ring.ts'
import { ShardRecovery } from './shard-recovery.ts'
import { ShardServer } from './shard-server.ts'
import type { ShardedSettings, ShardServerOptions } from './sharded-options.ts'

/** Where a key is now, and where else something may lie under it. */
export interface Spot {
  /** Whose key it is while all is well. */
  readonly home: ShardServer
  /** Where it is read and written now; `undefined`: nowhere. */
  readonly at: ShardServer | undefined
  /** With `'replica'`, while its home answers: where its second copy is. */
  readonly copy: ShardServer | undefined
  /** Whose key it was before the servers changed, while that is not long ago. */
  readonly before: ShardServer | undefined
}

interface Topology {
  readonly ring: Ring
  readonly servers: readonly ShardServer[]
}

/** What a change of servers leaves behind on those that stay is deleted with its key, this many changes back. */
const mostFormers = 4
const abilities = ['add', 'replace', 'touch', 'list', 'bus', 'metrics'] as const
export type Ability = (typeof abilities)[number]

/**
 * The servers of a sharded store and the rings that say which key is whose: the ring of the list, the ring of those
 * that are in at present, and for a while after a change the ring before it.
 */
export class ShardPool {
  readonly settings: ShardedSettings
  readonly abilities: ReadonlySet<Ability>
  readonly capabilities: StoreCapabilities
  readonly gutter: ShardServer | undefined
  readonly recovery: ShardRecovery
  readonly #deadlines: Deadlines
  readonly #seconds = new Map<number, Ring>()
  readonly #listeners = new Set<() => void>()
  #now: Topology
  #before: Topology | undefined
  /** Rings of before that are not read from any more. Where a key was then, an old value may still lie. */
  #formers: readonly Topology[] = []
  #windowTimer: TimerHandle
  /** The ring of those that are in, where some are out and others take over for them. */
  #live: Ring | undefined
  #anyOut = false
  #closed = false

  /** @throws InvalidOptionError for a list that makes no ring. */
  constructor(settings: ShardedSettings, list: readonly ShardServerOptions[]) {
    this.settings = settings
    this.#deadlines = new Deadlines(settings.clock)
    this.recovery = new ShardRecovery(this)
    const ring = settings.ringOf(list)
    const stores = list.map(({ store }) => store)
    if (settings.gutter !== undefined) stores.push(settings.gutter)
    this.abilities = new Set(abilities.filter((ability) => stores.every((store) => store[ability])))
    this.capabilities = Object.freeze(commonCapabilities(stores))
    this.#now = this.#topology(ring, list)
    this.gutter =
      settings.gutter && this.#server({ name: '(gutter)', weight: 1, store: settings.gutter })
  }

  get ring(): Ring {
    return this.#now.ring
  }

  get servers(): readonly ShardServer[] {
    return this.#now.servers
  }

  /** Those of before a change included, and the gutter. */
  get everyServer(): readonly ShardServer[] {
    return this.gutter === undefined ? this.#both() : [...this.#both(), this.gutter]
  }

  /** A key is read at home or not at all: also while a server is out for which nobody stands in. */
  get isReadAtHome(): boolean {
    if (this.#before !== undefined) return false
    const { onFailure } = this.settings
    return onFailure === 'fail-fast' || (onFailure !== 'replica' && !this.#anyOut)
  }

  /** Every key is at home and nowhere else, and nothing older lies anywhere. */
  get isPlainToWrite(): boolean {
    if (this.#anyOut || this.#before !== undefined || this.#formers.length > 0) return false
    return !this.recovery.anyStrays && this.settings.onFailure !== 'replica'
  }

  #server(place: { name: string; weight: number; store: Store }): ShardServer {
    return new ShardServer(place, this.settings, this.#deadlines, {
      isPartial: (failing) => this.servers.some((server) => server !== failing && !server.isOut),
      admit: (server) => this.recovery.admit(server),
      onChange: () => this.#changed(),
    })
  }

  #topology(
    ring: Ring,
    list: readonly ShardServerOptions[],
    known: readonly ShardServer[] = [],
  ): Topology {
    const servers = list.map(({ store }, index) => {
      const { name, weight } = ring.servers[index]!
      const there = known.find(
        (server) => server.name === name && server.store === store && server.weight === weight,
      )
      return there ?? this.#server({ name, weight, store })
    })
    return { ring, servers }
  }

  /**
   * Changes the list while it is in use. For `windowMs` what is not found with a key's new server is asked of the one
   * it had before, and what is deleted is deleted with both. Servers that are left out are closed afterwards.
   * @throws InvalidOptionError for a list that makes no ring, or a store that can do less than the others; nothing changes.
   */
  setServers(list: readonly ShardServerOptions[], windowMs: number): void {
    const ring = this.settings.ringOf(list)
    for (const [index, { store }] of list.entries()) this.#refuseLesser(store, `servers[${index}]`)
    const known = this.#both()
    this.settings.clock.clearTimeout(this.#windowTimer)
    this.#forget()
    this.#before = this.#now
    this.#now = this.#topology(ring, list, known)
    this.#seconds.clear()
    this.#closeAllBut(this.#both(), known)
    if (windowMs === 0) this.#endWindow()
    else if (windowMs < Infinity) {
      this.#windowTimer = this.settings.clock.setTimeout(() => this.#endWindow(), windowMs)
      keepAlive(this.#windowTimer, false)
    }
    this.#changed()
    for (const listener of this.#listeners) listener()
  }

  #refuseLesser(store: Store, where: string): void {
    const missing = [...this.abilities].find((ability) => store[ability] === undefined)
    if (missing !== undefined) {
      throw new InvalidOptionError(
        `${where}.store must have the method ${missing} as the stores before it have; this one, '${store.name}', has not`,
      )
    }
    const { maxKeyBytes, maxValueBytes, ttlGranularityMs } = this.capabilities
    const { capabilities } = store
    if (
      capabilities.maxKeyBytes < maxKeyBytes ||
      capabilities.maxValueBytes < maxValueBytes ||
      capabilities.ttlGranularityMs > ttlGranularityMs
    ) {
      throw new InvalidOptionError(
        `${where}.store must take keys of ${maxKeyBytes} bytes, values of ${maxValueBytes} bytes and times to live in steps of ${ttlGranularityMs} ms as the stores before it; this one, '${store.name}', does not`,
      )
    }
  }

  #endWindow(): void {
    const known = this.#both()
    this.#forget()
    this.#closeAllBut(this.#now.servers, known)
  }

  #forget(): void {
    if (this.#before === undefined) return
    this.#formers = [this.#before, ...this.#formers].slice(0, mostFormers)
    this.#before = undefined
  }

  #both(): readonly ShardServer[] {
    return [...new Set([...this.#now.servers, ...(this.#before?.servers ?? [])])]
  }

  #closeAllBut(kept: readonly ShardServer[], known: readonly ShardServer[]): void {
    for (const server of known) {
      if (kept.includes(server)) continue
      // A store that goes on under another name or weight stays open.
      const isUsed = kept.some(({ store }) => store === server.store)
      void server.close(isUsed).catch(() => {})
    }
  }

  #changed(): void {
    const { servers, ring } = this.#now
    const out = servers.filter((server) => server.isOut)
    this.#anyOut = out.length > 0
    const { onFailure } = this.settings
    const needsLive =
      onFailure === 'rehash' || (onFailure === 'gutter' && this.gutter === undefined)
    this.#live =
      out.length === 0 || out.length === servers.length || !needsLive
        ? undefined
        : ring.without(out.map(({ name }) => name))
    this.recovery.notice()
  }

  /** Is told when the list of servers has changed. */
  onListChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Before a request is routed: lets servers come back whose time is up, where nobody probes. */
  look(): void {
    if (this.settings.probes || !this.#anyOut) return
    for (const server of this.servers) server.look()
  }

  homeOf(key: string): ShardServer {
    return this.#now.servers[this.#now.ring.locateIndex(key)]!
  }

  spotOf(key: string): Spot {
    const { ring, servers } = this.#now
    const index = ring.locateIndex(key)
    const home = servers[index]!
    const at = this.#placeOf(key, home, index)
    const before = this.#before?.servers[this.#before.ring.locateIndex(key)]
    return {
      home,
      at,
      copy:
        at === home && this.settings.onFailure === 'replica' ? this.#second(key, index) : undefined,
      before: before === at ? undefined : before,
    }
  }

  #placeOf(key: string, home: ShardServer, index: number): ShardServer | undefined {
    if (!this.#anyOut) return home
    const live = this.#live
    const standIn = live && this.servers[live.locateIndex(key)]
    switch (this.settings.onFailure) {
      case 'fail-fast':
        return home.isOut ? undefined : home
      case 'rehash':
        // Also a server that answers may lose keys to others by it: that is how twemproxy builds its ring anew.
        return standIn
      case 'gutter':
        if (!home.isOut) return home
        if (this.gutter === undefined) return standIn
        return this.gutter.isOut ? undefined : this.gutter
      case 'replica': {
        if (!home.isOut) return home
        const second = this.#second(key, index)
        return second?.isOut ? undefined : second
      }
    }
  }

  /** The server that a key would have if its own were not there. */
  #second(key: string, index: number): ShardServer | undefined {
    const { ring, servers } = this.#now
    if (servers.length === 1) return undefined
    let second = this.#seconds.get(index)
    if (second === undefined) {
      second = ring.without(servers[index]!.name)
      this.#seconds.set(index, second)
    }
    return servers[second.locateIndex(key)]
  }

  /** Servers, other than `at`, that may hold something older under the key. */
  olderPlaces(key: string, { home, at, copy, before }: Spot): ShardServer[] {
    const places = new Set<ShardServer>()
    if (home !== at) places.add(home)
    if (before !== undefined) places.add(before)
    for (const { ring, servers } of this.#formers) {
      const former = servers[ring.locateIndex(key)]!
      if (this.servers.includes(former)) places.add(former)
    }
    if (this.recovery.anyStrays)
      for (const server of this.everyServer) if (server.strays.has(key)) places.add(server)
    if (at !== undefined) places.delete(at)
    if (copy !== undefined) places.delete(copy)
    return [...places]
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    const { clock } = this.settings
    clock.clearTimeout(this.#windowTimer)
    this.recovery.close()
    this.#deadlines.close()
    await Promise.all(this.everyServer.map((server) => server.close()))
  }
}
