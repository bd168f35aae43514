import { headOf } from '../entry/head.ts'
import type { Engine } from '../read/engine.ts'
import type { Flight } from '../read/flight.ts'
import { freshness } from '../read/freshness.ts'
import type { Load } from '../read/load.ts'
import { type Budget, countedMs } from '../resilience/budget.ts'
import { claimInGroups } from './claim-groups.ts'
import { Claimant, type Granted, type Held } from './claimant.ts'
import { silenceMs } from './claims.ts'
import type { Found, FoundEntry } from './far-found.ts'
import type { FarKeeper } from './far-keeper.ts'
import type { FarTier } from './far-tier.ts'
import { LoadWaits } from './load-waits.ts'
import { storeKey } from './store-keys.ts'
import { apart, type Ticket } from './ticket.ts'
import { Turns } from './turns.ts'

/** Where another process refreshes a stale value, it is looked up again this soon. */
const lookAgainMs = 200
/** Whoever waited longer for the turn to claim loads without: a store that is slow, and yet well, is not waited for without end. */
const mostWaitMs = silenceMs

/** One load per key over all processes: who claims it, and those who wait for another process. What becomes of the value is `far-keeper.ts`. */
export class FarLoads {
  readonly #engine: Engine
  readonly #tier: FarTier
  readonly #tickets: WeakMap<Flight, Ticket>
  readonly #keeper: FarKeeper
  readonly #claimant: Claimant
  readonly #spentMs = new WeakMap<Flight, number>()
  readonly #waits: LoadWaits
  readonly #turns = new Turns()
  /** How long the last claim took that had queued for its turn. */
  #lastClaimMs = 0
  #closed = false

  /** `tickets` is where it leaves what the keeper then goes by. */
  constructor(engine: Engine, tier: FarTier, tickets: WeakMap<Flight, Ticket>, keeper: FarKeeper) {
    this.#engine = engine
    this.#tier = tier
    this.#tickets = tickets
    this.#keeper = keeper
    this.#waits = new LoadWaits(engine.clock)
    this.#claimant = new Claimant(engine, tier, tickets)
  }

  /** What the read path has already seen of the key need not be read again. */
  seen(flight: Flight, found: Found, since: number): void {
    this.#claimant.seen(flight, found)
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
      const granted = await this.#inTurn(flight, within)
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

  /**
   * Of thousands of cold keys asked for at once the claims would queue behind each other for longer than a store may
   * take. What they take counts from their turn; where the store hangs, those ahead end the wait by their deadlines.
   */
  async #inTurn(flight: Flight, budget: Budget): Promise<Granted> {
    const turn = this.#turns.take()
    try {
      return await (turn === undefined
        ? this.#claimant.acquire(flight, budget)
        : this.#queued(turn, flight, budget))
    } finally {
      this.#turns.give()
    }
  }

  async #queued(turn: Promise<void>, flight: Flight, budget: Budget): Promise<Granted> {
    const { clock } = this.#engine
    const since = clock.monotonic()
    await turn
    const begunAt = clock.monotonic()
    // One that would not be answered in time would be held against a store that is well.
    const hasTime = begunAt - since < mostWaitMs && budget.leftMs > this.#lastClaimMs
    if (flight.load.settled || !hasTime) return this.#alone(flight)
    const granted = await this.#claimant.acquire(flight, budget)
    this.#lastClaimMs = clock.monotonic() - begunAt
    return granted
  }

  #answer(flight: Flight, found: FoundEntry): void {
    const { entry } = found
    flight.copyPerWaiter = entry.kind === 'copied'
    flight.load.answered(flight, this.#engine.valueOf(entry), entry.value)
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
      const found = await budget.spend(() => this.#claimant.read(flight))
      if (found.state === 'out') return this.#alone(flight)
      if (found.state === 'entry') {
        const isFresh = freshness(found.entry, clock.monotonic()) === 'fresh'
        if (isLater ? isFresh : !this.#claimant.wantsNewer(flight, found))
          return { granted: 'entry', found }
      } else if (found.state === 'failed') {
        // Each of those who waited tries once for itself, at once and not one after another.
        const { occupant: head, stamps, readAt } = found
        this.#tickets.set(flight, { mode: 'contend', head, stamps, readAt })
        await this.#tier.versions.complete(this.#claimant.refs(flight), stamps, budget)
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
      this.#claimant.seen(flight, found)
      const granted = await this.#claimant.acquire(flight, budget)
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
      await this.#tier.versions.complete(this.#claimant.refs(flight), stamps, budget)
      this.#claimant.grantClaim(flight, claim, stamps, readAt)
      return true
    } catch (error) {
      this.#engine.storeFailed('replace', error)
      return false
    }
  }

  #alone(flight: Flight): { readonly granted: 'load' } {
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
    const found = await budget.spend(() => this.#claimant.read(flight))
    // Whatever asked for a refresh, a fresh value newer than the one it saw is one.
    const isNewer =
      found.state === 'entry' &&
      found.stamp !== before.stamp &&
      freshness(found.entry, this.#engine.clock.monotonic()) === 'fresh'
    if (isNewer) return { granted: 'entry', found }
    this.#claimant.seen(flight, found)
    return this.#claimant.acquire(flight, budget)
  }

  #pause(flight: Flight, waitedMs: number): Promise<void> {
    return this.#waits.pause(storeKey(flight.scope, flight.key), waitedMs)
  }

  /** Somebody told that the load of this key is done: those who wait look at once. */
  wake(key: string): void {
    this.#waits.wake(key)
  }

  /** For tests of boundedness. */
  get waiting(): number {
    return this.#waits.size
  }

  close(): void {
    this.#closed = true
    this.#waits.wakeAll()
  }
}
