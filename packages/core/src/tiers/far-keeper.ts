import { memoStamp } from '../entry/entry.ts'
import type { Stamp } from '../entry/head.ts'
import { CodecError } from '../errors.ts'
import type { Engine } from '../read/engine.ts'
import type { Flight } from '../read/flight.ts'
import { conclude, type Decision } from '../read/keep.ts'
import type { NewEntry } from '../read/make-entry.ts'
import type { Budget } from '../resilience/budget.ts'
import { Patience } from '../resilience/deadlines.ts'
import type { FarTier } from './far-tier.ts'
import { inGroups } from './groups.ts'
import { pathOf, storeKey } from './store-keys.ts'
import type { Ticket } from './ticket.ts'
import { Turns } from './turns.ts'
import type { VersionStamps } from './version-stamps.ts'
import { epochRefs, tagRefs } from './versions.ts'

/** Stores what loads bring, as far as the ticket of each key allows, and gives back what is not stored. */
export class FarKeeper {
  readonly #engine: Engine
  readonly #tier: FarTier
  readonly #tickets: WeakMap<Flight, Ticket>
  readonly #turns = new Turns()

  constructor(engine: Engine, tier: FarTier, tickets: WeakMap<Flight, Ticket>) {
    this.#engine = engine
    this.#tier = tier
    this.#tickets = tickets
  }

  /**
   * Stores what was loaded, as far as each key's ticket allows, and then tells the waiters. True if anything was fenced.
   * Of many keys each is stored by a deadline of its own, which begins when its turn comes: those that were claimed in
   * time are stored, however long the last of them has to wait.
   */
  async keep(flights: readonly Flight[], decisions: readonly Decision[]): Promise<boolean> {
    const patiences = flights.map((flight, index) =>
      this.#patience(flight, decisions[index] as Decision),
    )
    let anyFenced = false
    await inGroups(flights, async (flight, index) => {
      const turn = this.#turns.take()
      if (turn !== undefined) await turn
      try {
        if (await this.#keep(flight, decisions[index] as Decision)) anyFenced = true
      } finally {
        this.#turns.give()
        this.#engine.deadlines.remove(patiences[index] as Patience)
      }
    })
    return anyFenced
  }

  /** The caller's next read, here or elsewhere, finds what was stored; but it waits no longer than its budget. */
  #patience(flight: Flight, decision: Decision): Patience {
    const { clock, deadlines } = this.#engine
    const leftMs = this.#tickets.get(flight)?.leftMs ?? this.#tier.settings.storeTimeoutMs
    const patience = new Patience(() => flight.resolveOwn(decision.own))
    deadlines.add(patience, leftMs, clock.monotonic())
    return patience
  }

  async #keep(flight: Flight, decision: Decision): Promise<boolean> {
    const ticket = this.#tickets.get(flight)
    this.#tickets.delete(flight)
    if (decision.entry === undefined) {
      if (flight.joinedLate) flight.asksAgain = await this.#isOutdated(flight, ticket)
      if (decision.removes && ticket !== undefined) {
        const { asksAgain } = flight
        flight.joinedLate = false
        await this.#remove(flight, ticket)
        flight.asksAgain = asksAgain || (flight.joinedLate && this.#tier.store.isUsable)
      }
      this.#fail(flight, ticket)
      return conclude(this.#engine, flight, decision)
    }
    const { memo, ...kept } = await this.#store(flight, decision.entry, decision.lateTags, ticket)
    flight.isStored = kept.stamp !== undefined
    // While the store is out there is nobody to ask.
    flight.asksAgain = !memo || this.#tier.store.isUsable
    // A tag or namespace that was invalidated meanwhile leaves the claim as it is; the versions tell, when it is read.
    if (flight.joinedLate && kept.stamp !== undefined)
      return conclude(this.#engine, flight, { ...decision, entry: undefined, removes: true })
    // During an outage what was loaded is believed for a while, or a dead store would become a dead origin.
    const maxAgeMs = memo
      ? this.#tier.settings.outageMemoMs
      : this.#tier.maxAgeMs - (this.#engine.clock.monotonic() - (ticket?.readAt ?? 0))
    return conclude(this.#engine, flight, {
      ...decision,
      entry: { ...decision.entry, stamp: memo ? memoStamp : kept.stamp, maxAgeMs },
    })
  }

  async #store(
    flight: Flight,
    entry: NewEntry,
    lateTags: readonly string[] | undefined,
    ticket: Ticket | undefined,
  ): Promise<{ readonly stamp?: Stamp; readonly memo: boolean }> {
    if (ticket === undefined || ticket.mode === 'apart') return { memo: true }
    const tier = this.#tier
    const budget = tier.budget()
    const key = storeKey(flight.scope, flight.key)
    try {
      const stamps = await this.#stampsAtEnd(flight, lateTags, ticket, budget)
      if (stamps === undefined || flight.scope.isOff) {
        flight.fencedAfar = true
        const { claim } = ticket
        if (claim !== undefined)
          void this.#tier.claims.giveBack(claim).then(() => this.#tell(flight))
        return { memo: false }
      }
      const { policy } = entry
      const { bytes, stamp, ttlMs } = await tier.writes.encode(flight.scope, flight.key, {
        value: entry.value,
        freshMs: entry.freshMs,
        swrMs: policy.swrMs,
        sieMs: policy.sieMs,
        loadMs: entry.loadMs,
        tags: entry.tags,
        stamps,
      })
      if (ticket.mode === 'plain') {
        if (!flight.voided) await budget.spend((ms) => tier.store.set(key, bytes, { ttlMs }, ms))
        return { stamp, memo: false }
      }
      const { claim, head } = ticket
      const alive = claim === undefined || tier.claims.isAlive(claim)
      const stored =
        alive &&
        head !== undefined &&
        (await budget.spend((ms) => tier.store.replace(key, head, bytes, { ttlMs }, ms)))
      this.#done(flight, ticket, alive)
      if (stored) return { stamp, memo: false }
      flight.fencedAfar = true
      return { memo: false }
    } catch (error) {
      if (error instanceof CodecError) {
        this.#engine.counters.codecErrors++
        this.#engine.failed('codec', error, flight.scope, flight.key)
        await this.#remove(flight, ticket)
        this.#fail(flight, ticket)
        return { memo: false }
      }
      // Whether it arrived nobody knows; what stands there is not believed until it has been deleted.
      tier.makeUp.noteUnstored(flight.scope, flight.key)
      if (ticket.claim !== undefined) tier.claims.letGo(ticket.claim)
      this.#engine.storeFailed('set', error)
      return { memo: true }
    }
  }

  /**
   * The versions to store under. Tags that the loader named at its end were not looked at when it started: they hold
   * only if no tag of the namespaces was invalidated since. Their versions are read before the epoch, which whoever
   * invalidates writes first: who sees a new version here sees the new epoch too.
   */
  async #stampsAtEnd(
    flight: Flight,
    lateTags: readonly string[] | undefined,
    ticket: Ticket,
    budget: Budget,
  ): Promise<ReadonlyMap<string, VersionStamps> | undefined> {
    const late = tagRefs(flight.scope, lateTags ?? []).filter((ref) => !ticket.stamps.has(ref.key))
    if (late.length === 0) return ticket.stamps
    const stamps = await this.#tier.readStamps(late, budget)
    await this.#tier.versions.complete(late, stamps, budget)
    const epochs = epochRefs(flight.scope)
    const now = await this.#tier.readStamps(epochs, budget)
    const isSame = ({ key }: { readonly key: string }) =>
      now.has(key) && now.get(key)?.stamp === ticket.stamps.get(key)?.stamp
    if (!epochs.every(isSame)) return undefined
    return new Map([...ticket.stamps, ...stamps])
  }

  /**
   * Whether anything was invalidated since the load of a value that is not kept was claimed. Only those who joined while
   * its loader ran want to know; those who come between the answer and its use, or later, are told to ask again.
   */
  async #isOutdated(flight: Flight, ticket: Ticket | undefined): Promise<boolean> {
    const { store } = this.#tier
    if (ticket === undefined || ticket.mode === 'apart') return store.isUsable
    const refs = this.#tier.refs(flight.scope, flight.policy.tags)
    const key = storeKey(flight.scope, flight.key)
    flight.joinedLate = false
    try {
      const [bytes, ...versions] = await this.#tier
        .budget()
        .spend((ms) => this.#tier.store.getMany([key, ...refs.map((ref) => ref.key)], ms))
      // Of a tag that was only expired the epoch tells, which is among them and moves with it.
      const isSame = refs.every(
        (ref, index) =>
          this.#tier.versions.read(ref.key, versions[index])?.stamp ===
          ticket.stamps.get(ref.key)?.stamp,
      )
      const { head } = ticket
      const stands = head === undefined || (bytes instanceof Uint8Array && startsWith(bytes, head))
      return flight.joinedLate || !isSame || !stands
    } catch (error) {
      this.#engine.storeFailed('get', error)
      return store.isUsable
    }
  }

  /** A refresh that found out that there is nothing any more, or what cannot be stored. */
  async #remove(flight: Flight, ticket: Ticket): Promise<void> {
    const { mode } = ticket
    const mayStand = flight.stale !== undefined && (mode === 'apart' || mode === 'plain')
    if (mode !== 'refresh' && !mayStand) return
    try {
      await this.#tier.writes.delete(flight.scope, [flight.key])
    } catch {
      // Journalled: it is made up for.
    }
  }

  #done(flight: Flight, ticket: Ticket, isAlive: boolean): void {
    const { claim } = ticket
    if (claim === undefined) return
    this.#tier.claims.letGo(claim)
    // A claim on a refresh that was lost may be another process's by now.
    if (ticket.mode === 'refresh' && isAlive)
      void this.#tier.store
        .deleteMany([claim.key], this.#tier.settings.storeTimeoutMs)
        .catch(() => {})
    this.#tell(flight)
  }

  /** Nothing will be stored for these keys: whoever waits for them elsewhere is told. */
  release(flights: readonly Flight[]): void {
    for (const flight of flights) {
      const ticket = this.#tickets.get(flight)
      this.#tickets.delete(flight)
      this.#fail(flight, ticket)
    }
  }

  #fail(flight: Flight, ticket: Ticket | undefined): void {
    if (ticket?.claim === undefined) return
    void this.#tier.claims.fail(ticket.claim).then(() => this.#tell(flight))
  }

  #tell(flight: Flight): void {
    void this.#tier.link?.publish({ type: 'done', path: pathOf(flight.scope), key: flight.key })
  }
}

function startsWith(bytes: Uint8Array, head: Uint8Array): boolean {
  return head.every((byte, index) => bytes[index] === byte)
}
