import { decodeEntry } from '../entry/envelope.ts'
import { headBytes, headOf, type Stamp } from '../entry/head.ts'
import type { Engine } from '../read/engine.ts'
import type { Flight } from '../read/flight.ts'
import { freshness } from '../read/freshness.ts'
import type { Budget } from '../resilience/budget.ts'
import type { Claim } from './claims.ts'
import type { Found, FoundEntry } from './far-found.ts'
import type { FarTier } from './far-tier.ts'
import { Refreshers } from './refreshers.ts'
import { refreshClaimKey, storeKey } from './store-keys.ts'
import { apart, type Ticket } from './ticket.ts'
import type { VersionStamps } from './version-stamps.ts'

export type Granted =
  | { readonly granted: 'load' }
  | { readonly granted: 'entry'; readonly found: FoundEntry }
  | Held

/** Somebody else loads it: under the key itself (`stamp` and `beat` are that claim's), or as a refresh of a value that stays. */
export type Held =
  | { readonly granted: 'held'; readonly stamp: Stamp; readonly beat: number }
  | { readonly granted: 'refreshing'; readonly found: FoundEntry }

const maxTries = 8

/** Finds out who may load a key: this process, which then has a ticket for it, another one, or nobody, as the value is there. */
export class Claimant {
  readonly #engine: Engine
  readonly #tier: FarTier
  readonly #tickets: WeakMap<Flight, Ticket>
  readonly #founds = new WeakMap<Flight, Found>()
  readonly #refreshers: Refreshers

  constructor(engine: Engine, tier: FarTier, tickets: WeakMap<Flight, Ticket>) {
    this.#engine = engine
    this.#tier = tier
    this.#tickets = tickets
    this.#refreshers = new Refreshers(engine.clock, tier.settings.codec, tier.claims)
  }

  /** What has been seen of the key already need not be read again. */
  seen(flight: Flight, found: Found): void {
    this.#founds.set(flight, found)
  }

  #want(flight: Flight) {
    return { key: flight.key, nearKey: flight.nearKey, tags: flight.policy.tags }
  }

  async acquire(flight: Flight, budget: Budget): Promise<Granted> {
    let found = this.#founds.get(flight)
    this.#founds.delete(flight)
    try {
      for (let tries = 0; tries < maxTries; tries++) {
        found ??= await budget.spend(() => this.read(flight))
        if (found.state === 'out') break
        if (!this.#tier.store.hasClaims) {
          if (found.state === 'entry' && !this.wantsNewer(flight, found))
            return { granted: 'entry', found }
          await this.#tier.versions.complete(this.refs(flight), found.stamps, budget)
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

  read(flight: Flight): Promise<Found> {
    flight.asked++
    return this.#tier.read(flight.scope, this.#want(flight))
  }

  refs(flight: Flight) {
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
      const completed = versions.complete(this.refs(flight), stamps, budget)
      const [claim] = await Promise.all([claims.takeOver(key, head, budget), completed])
      return claim && this.grantClaim(flight, claim, stamps, readAt)
    }
    if (found.state === 'claimed') return { granted: 'held', stamp: found.stamp, beat: found.beat }
    if (found.state === 'entry') {
      if (!this.wantsNewer(flight, found)) return { granted: 'entry', found }
      return this.#tryRefresh(flight, found, budget)
    }
    if (found.state === 'absent' && found.occupant?.length === 0) {
      // Nothing can be compared with it: every value begins with nothing.
      await budget.spend((ms) => this.#tier.store.deleteMany([key], ms))
      return undefined
    }
    // In one round trip with the claim.
    const completed = versions.complete(this.refs(flight), stamps, budget)
    const claimed =
      found.occupant === undefined
        ? claims.add(key, budget)
        : claims.takeOver(key, found.occupant, budget)
    const [claim] = await Promise.all([claimed, completed])
    if (claim === undefined) return undefined
    if (!(claim instanceof Uint8Array)) return this.grantClaim(flight, claim, stamps, readAt)
    // Somebody was faster. A claim can be waited for as it is; a value is worth a read with its versions.
    const there = await decodeEntry(claim, key, this.#tier.settings.codec)
    return there.kind === 'claim'
      ? { granted: 'held', stamp: there.stamp, beat: there.beat }
      : undefined
  }

  async #tryRefresh(flight: Flight, found: FoundEntry, budget: Budget): Promise<Granted> {
    const { claims, versions } = this.#tier
    const side = refreshClaimKey(flight.scope, flight.key)
    const completed = versions.complete(this.refs(flight), found.stamps, budget)
    const [added] = await Promise.all([claims.add(side, budget), completed])
    const claim =
      added instanceof Uint8Array
        ? this.#refreshers.isFree(side, added) &&
          (await claims.takeOver(side, added.subarray(0, headBytes), budget))
        : added
    if (!claim) return { granted: 'refreshing', found }
    this.#refreshers.forget(side)
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

  grantClaim(
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
  wantsNewer(flight: Flight, found: FoundEntry): boolean {
    const { reason } = flight.load
    if (reason === 'refresh') return true
    if (freshness(found.entry, this.#engine.clock.monotonic()) !== 'fresh') return true
    return reason === 'early' && found.stamp === flight.stale?.stamp
  }
}
