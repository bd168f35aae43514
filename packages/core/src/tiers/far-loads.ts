import { LRUCache } from 'lru-cache'
import { decodeEntry } from '../entry/envelope.ts'
import { headBytes, headOf, type Stamp } from '../entry/head.ts'
import type { Engine } from '../read/engine.ts'
import type { Flight } from '../read/flight.ts'
import { freshness } from '../read/freshness.ts'
import type { Load } from '../read/load.ts'
import { type Budget, countedMs } from '../resilience/budget.ts'
import { claimInGroups } from './claim-groups.ts'
import { type Claim, silenceMs } from './claims.ts'
import type { Found, FoundEntry } from './far-found.ts'
import type { FarKeeper } from './far-keeper.ts'
import type { FarTier } from './far-tier.ts'
import { refreshClaimKey, storeKey } from './store-keys.ts'
import { apart, type Ticket } from './ticket.ts'
import type { VersionStamps } from './version-stamps.ts'

type Granted =
  | { readonly granted: 'load' }
  | { readonly granted: 'entry'; readonly found: FoundEntry }
  | Held

/** Somebody else loads it: under the key itself (`stamp` and `beat` are that claim's), or as a refresh of a value that stays. */
type Held =
  | { readonly granted: 'held'; readonly stamp: Stamp; readonly beat: number }
  | { readonly granted: 'refreshing'; readonly found: FoundEntry }

/** How often those who wait look: soon at first, later in proportion to how long it has taken. */
const leastPauseMs = 5
const mostPauseMs = 80
const pauseShare = 1 / 8
/** Where another process refreshes a stale value, it is looked up again this soon. */
const lookAgainMs = 200
const maxTries = 8
const rememberedRefreshers = 1_000

/** One load per key over all processes: who claims it, and those who wait for another process. What becomes of the value is `far-keeper.ts`. */
export class FarLoads {
  readonly #engine: Engine
  readonly #tier: FarTier
  readonly #tickets: WeakMap<Flight, Ticket>
  readonly #keeper: FarKeeper
  readonly #founds = new WeakMap<Flight, Found>()
  readonly #spentMs = new WeakMap<Flight, number>()
  readonly #waiting = new Map<string, Set<() => void>>()
  /** The last sign of life of those who refresh elsewhere; a stale value stays readable however long they are silent. */
  readonly #refreshers = new LRUCache<
    string,
    { readonly stamp: Stamp; readonly beat: number; readonly seenAt: number }
  >({ max: rememberedRefreshers })
  #closed = false

  /** `tickets` is where it leaves what the keeper then goes by. */
  constructor(engine: Engine, tier: FarTier, tickets: WeakMap<Flight, Ticket>, keeper: FarKeeper) {
    this.#engine = engine
    this.#tier = tier
    this.#tickets = tickets
    this.#keeper = keeper
  }

  /** What the read path has already seen of the key need not be read again. */
  seen(flight: Flight, found: Found, since: number): void {
    this.#founds.set(flight, found)
    const tookMs = this.#engine.clock.monotonic() - since
    this.#spentMs.set(flight, countedMs(tookMs, this.#tier.settings.storeTimeoutMs))
  }

  /** Claims the keys of a load. `proceed` is called with those that are to be loaded here; the others get their answers from the store. */
  claim(load: Load, proceed: (flights: readonly Flight[]) => void): void {
    void this.#claimAll(load, proceed)
  }

  async #claimAll(load: Load, proceed: (flights: readonly Flight[]) => void): Promise<void> {
    const budget = this.#tier.budget(
      Math.max(...load.flights.map((flight) => this.#spentMs.get(flight) ?? 0)),
    )
    const mine = new Set<Flight>()
    const others: (readonly [Flight, Held])[] = []
    const claim = async (flight: Flight, within: Budget) => {
      const granted = await this.#acquire(flight, within)
      if (granted.granted === 'load') mine.add(flight)
      else if (granted.granted === 'entry') this.#answer(flight, granted.found)
      else others.push([flight, granted])
    }
    const spent = this.#tier.budget(Number.POSITIVE_INFINITY)
    await claimInGroups(load.flights, budget, spent, this.#engine.clock, claim)
    if (load.settled) {
      this.#keeper.release([...mine])
      return
    }
    const { leftMs } = budget
    for (const flight of mine) {
      const ticket = this.#tickets.get(flight)
      if (ticket !== undefined) this.#tickets.set(flight, { ...ticket, leftMs })
    }
    for (const [flight, held] of others) {
      const { clock, observer } = this.#engine
      const since = clock.monotonic()
      void this.#waitFor(flight, held).then((granted) => {
        observer.measure?.('claimWait', clock.monotonic() - since, {
          outcome: granted?.granted ?? 'left',
        })
        if (granted === undefined) return
        if (granted.granted === 'entry') this.#answer(flight, granted.found)
        else if (load.settled) this.#keeper.release([flight])
        else proceed([flight])
      })
    }
    // In the order asked, whatever order the claims came back in.
    if (mine.size > 0) proceed(load.flights.filter((flight) => mine.has(flight)))
  }

  #answer(flight: Flight, found: FoundEntry): void {
    const { entry } = found
    flight.copyPerWaiter = entry.kind === 'copied'
    flight.load.answered(flight, this.#engine.valueOf(entry), entry.value)
  }

  #want(flight: Flight) {
    return { key: flight.key, nearKey: flight.nearKey, tags: flight.policy.tags }
  }

  async #acquire(flight: Flight, budget: Budget): Promise<Granted> {
    let found = this.#founds.get(flight)
    this.#founds.delete(flight)
    try {
      for (let tries = 0; tries < maxTries; tries++) {
        found ??= await budget.spend(() => this.#read(flight))
        if (found.state === 'out') break
        if (!this.#tier.store.hasClaims) {
          if (found.state === 'entry' && !this.#wantsNewer(flight, found))
            return { granted: 'entry', found }
          await this.#tier.versions.complete(this.#refs(flight), found.stamps, budget)
          return this.#grant(flight, { mode: 'plain', stamps: found.stamps, readAt: found.readAt })
        }
        const granted = await this.#try(flight, found, budget)
        if (granted !== undefined) return granted
        found = undefined
      }
    } catch (error) {
      this.#engine.storeFailed('add', error)
    }
    return this.#grant(flight, apart)
  }

  #read(flight: Flight): Promise<Found> {
    flight.asked++
    return this.#tier.read(flight.scope, this.#want(flight))
  }

  #refs(flight: Flight) {
    return this.#tier.refs(flight.scope, flight.policy.tags)
  }

  /** `undefined`: something else stands there now; look again. */
  async #try(
    flight: Flight,
    found: Exclude<Found, { state: 'out' }>,
    budget: Budget,
  ): Promise<Granted | undefined> {
    const { claims, versions } = this.#tier
    const key = storeKey(flight.scope, flight.key)
    const { stamps, readAt } = found
    if (found.state === 'claimed' && claims.isForsaken(found.stamp)) {
      // Held here, for a load that was invalidated: nothing that it brings could be stored.
      const head = headOf('claim', found.stamp)
      const completed = versions.complete(this.#refs(flight), stamps, budget)
      const [claim] = await Promise.all([claims.takeOver(key, head, budget), completed])
      return claim && this.#grantClaim(flight, claim, stamps, readAt)
    }
    if (found.state === 'claimed') return { granted: 'held', stamp: found.stamp, beat: found.beat }
    if (found.state === 'entry') {
      if (!this.#wantsNewer(flight, found)) return { granted: 'entry', found }
      return this.#tryRefresh(flight, found, budget)
    }
    if (found.state === 'absent' && found.occupant?.length === 0) {
      // Nothing can be compared with it: every value begins with nothing.
      await budget.spend((ms) => this.#tier.store.deleteMany([key], ms))
      return undefined
    }
    // In one round trip with the claim.
    const completed = versions.complete(this.#refs(flight), stamps, budget)
    const claimed =
      found.occupant === undefined
        ? claims.add(key, budget)
        : claims.takeOver(key, found.occupant, budget)
    const [claim] = await Promise.all([claimed, completed])
    if (claim === undefined) return undefined
    if (!(claim instanceof Uint8Array)) return this.#grantClaim(flight, claim, stamps, readAt)
    // Somebody was faster. A claim can be waited for as it is; a value is worth a read with its versions.
    const there = await decodeEntry(claim, key, this.#tier.settings.codec)
    return there.kind === 'claim'
      ? { granted: 'held', stamp: there.stamp, beat: there.beat }
      : undefined
  }

  async #tryRefresh(flight: Flight, found: FoundEntry, budget: Budget): Promise<Granted> {
    const { claims, versions } = this.#tier
    const side = refreshClaimKey(flight.scope, flight.key)
    const completed = versions.complete(this.#refs(flight), found.stamps, budget)
    const [added] = await Promise.all([claims.add(side, budget), completed])
    const claim =
      added instanceof Uint8Array
        ? this.#isFree(side, added) &&
          (await claims.takeOver(side, added.subarray(0, headBytes), budget))
        : added
    if (!claim) return { granted: 'refreshing', found }
    this.#refreshers.delete(side)
    // A load that was voided before is one from after the invalidation.
    if (!flight.voided) claim.owner = flight
    const { stamps, readAt } = found
    return this.#grant(flight, {
      mode: 'refresh',
      claim,
      head: headOf('value', found.stamp),
      stamps,
      readAt,
    })
  }

  /** Whether what stands in the place of a claim on a refresh keeps nobody from the next try. */
  #isFree(side: string, bytes: Uint8Array): boolean {
    const there = decodeEntry(bytes, side, this.#tier.settings.codec)
    if (there instanceof Promise || there.kind !== 'claim') return true
    if (this.#tier.claims.isForsaken(there.stamp)) return true
    const now = this.#engine.clock.monotonic()
    const seen = this.#refreshers.get(side)
    if (seen?.stamp !== there.stamp || seen.beat !== there.beat) {
      this.#refreshers.set(side, { stamp: there.stamp, beat: there.beat, seenAt: now })
      return false
    }
    return now - seen.seenAt >= silenceMs
  }

  #grantClaim(
    flight: Flight,
    claim: Claim,
    stamps: ReadonlyMap<string, VersionStamps>,
    readAt: number,
  ): Granted {
    if (!flight.voided) claim.owner = flight
    return this.#grant(flight, {
      mode: 'fulfil',
      claim,
      head: headOf('claim', claim.stamp),
      stamps,
      readAt,
    })
  }

  #grant(flight: Flight, ticket: Ticket): Granted {
    this.#tickets.set(flight, ticket)
    return { granted: 'load' }
  }

  /** Whether what is stored is what this load is to replace, and not already what it would bring. */
  #wantsNewer(flight: Flight, found: FoundEntry): boolean {
    const { reason } = flight.load
    if (reason === 'refresh') return true
    if (freshness(found.entry, this.#engine.clock.monotonic()) !== 'fresh') return true
    return reason === 'early' && found.stamp === flight.stale?.stamp
  }

  /** Waits until the holder has stored the value, has failed, or is silent for too long. `undefined`: nobody waits any more. */
  async #waitFor(
    flight: Flight,
    held: Held,
    /** The holder began after this flight did, so that what it brings is new enough for whoever asked for a refresh. */
    isLater = false,
  ): Promise<Exclude<Granted, Held> | undefined> {
    if (held.granted === 'refreshing') return this.#waitForRefresh(flight, held.found)
    const { clock } = this.#engine
    const { load } = flight
    const since = clock.monotonic()
    let { stamp, beat } = held
    let seenAt = since
    while (!load.settled && !flight.settled) {
      await this.#pause(flight, clock.monotonic() - since)
      if (load.settled || flight.settled || this.#closed) return undefined
      const budget = this.#tier.budget()
      const found = await budget.spend(() => this.#read(flight))
      if (found.state === 'out') return this.#alone(flight)
      if (found.state === 'entry') {
        const isFresh = freshness(found.entry, clock.monotonic()) === 'fresh'
        if (isLater ? isFresh : !this.#wantsNewer(flight, found)) return { granted: 'entry', found }
      } else if (found.state === 'failed') {
        // Each of those who waited tries once for itself, at once and not one after another.
        const { occupant: head, stamps, readAt } = found
        this.#tickets.set(flight, { mode: 'contend', head, stamps, readAt })
        await this.#tier.versions.complete(this.#refs(flight), stamps, budget)
        return { granted: 'load' }
      } else if (found.state === 'claimed') {
        const now = clock.monotonic()
        if (found.stamp !== stamp || found.beat !== beat) {
          isLater ||= found.stamp !== stamp
          stamp = found.stamp
          beat = found.beat
          seenAt = now
          continue
        }
        if (now - seenAt < silenceMs) continue
        const taken = await this.#takeOver(flight, found, budget)
        if (taken) return { granted: 'load' }
        continue
      }
      this.#founds.set(flight, found)
      const granted = await this.#acquire(flight, budget)
      if (granted.granted === 'refreshing') return this.#waitForRefresh(flight, granted.found)
      if (granted.granted !== 'held') return granted
      isLater ||= granted.stamp !== stamp
      stamp = granted.stamp
      beat = granted.beat
      seenAt = clock.monotonic()
    }
    return undefined
  }

  async #takeOver(
    flight: Flight,
    { stamp, stamps, readAt }: Extract<Found, { state: 'claimed' }>,
    budget: Budget,
  ): Promise<boolean> {
    try {
      const head = headOf('claim', stamp)
      const claim = await this.#tier.claims.takeOver(
        storeKey(flight.scope, flight.key),
        head,
        budget,
      )
      if (claim === undefined) return false
      await this.#tier.versions.complete(this.#refs(flight), stamps, budget)
      this.#grantClaim(flight, claim, stamps, readAt)
      return true
    } catch (error) {
      this.#engine.storeFailed('replace', error)
      return false
    }
  }

  #alone(flight: Flight): Exclude<Granted, Held> {
    this.#tickets.set(flight, apart)
    return { granted: 'load' }
  }

  /** Somebody else refreshes a value that can be served meanwhile. Behind a caller there is nothing to wait for. */
  async #waitForRefresh(
    flight: Flight,
    found: FoundEntry,
  ): Promise<Exclude<Granted, Held> | undefined> {
    const { clock } = this.#engine
    if (!flight.isAwaited) {
      const soon = Math.trunc(clock.monotonic()) + lookAgainMs
      for (const entry of [flight.stale, found.entry]) {
        if (entry === undefined) continue
        entry.ageAt = Math.min(entry.ageAt ?? soon, soon)
        entry.checkAt = Math.min(entry.checkAt, soon)
        entry.retryAt = Math.max(entry.retryAt, soon)
      }
      flight.load.answered(flight, undefined, undefined)
      return undefined
    }
    const since = clock.monotonic()
    while (!flight.load.settled && !flight.settled) {
      await this.#pause(flight, clock.monotonic() - since)
      if (flight.load.settled || flight.settled || this.#closed) return undefined
      const granted = await this.#acquireAfresh(flight, found)
      if (granted.granted === 'held') return this.#waitFor(flight, granted, true)
      if (granted.granted !== 'refreshing') return granted
    }
    return undefined
  }

  async #acquireAfresh(flight: Flight, before: FoundEntry): Promise<Granted> {
    const budget = this.#tier.budget()
    const found = await budget.spend(() => this.#read(flight))
    // Whatever asked for a refresh, a fresh value newer than the one it saw is one.
    const isNewer =
      found.state === 'entry' &&
      found.stamp !== before.stamp &&
      freshness(found.entry, this.#engine.clock.monotonic()) === 'fresh'
    if (isNewer) return { granted: 'entry', found }
    this.#founds.set(flight, found)
    return this.#acquire(flight, budget)
  }

  #pause(flight: Flight, waitedMs: number): Promise<void> {
    const { clock } = this.#engine
    const share = Math.min(mostPauseMs, Math.max(leastPauseMs, waitedMs * pauseShare))
    const key = storeKey(flight.scope, flight.key)
    return new Promise((resolve) => {
      const wakers = this.#waiting.get(key) ?? new Set()
      this.#waiting.set(key, wakers)
      const wake = () => {
        clock.clearTimeout(timer)
        wakers.delete(wake)
        if (wakers.size === 0 && this.#waiting.get(key) === wakers) this.#waiting.delete(key)
        resolve()
      }
      const timer = clock.setTimeout(wake, share * (0.75 + clock.random() / 2))
      wakers.add(wake)
    })
  }

  /** Somebody told that the load of this key is done: those who wait look at once. */
  wake(key: string): void {
    for (const wake of [...(this.#waiting.get(key) ?? [])]) wake()
  }

  /** For tests of boundedness. */
  get waiting(): number {
    return this.#waiting.size
  }

  close(): void {
    this.#closed = true
    for (const key of [...this.#waiting.keys()]) this.wake(key)
  }
}
