import { type Clock, keepAlive } from '../clock.ts'
import type { Codec } from '../entry/codec.ts'
import { encodeClaim } from '../entry/envelope.ts'
import { headOf, type Stamp } from '../entry/head.ts'
import type { Budget } from '../resilience/budget.ts'
import { mostAtOnce } from './groups.ts'
import type { GuardedStore } from './guarded-store.ts'
import { newStamp } from './stamps.ts'

/** How often a holder gives a sign of life. */
const beatMs = 250
/** While one is not answered, the next waits this long: a store that is behind is not given more to do. */
const patienceMs = 2 * beatMs
/** A claim whose holder has given none for this long is free to be taken; its holder no longer believes in it either. */
export const silenceMs = 1_000
/** Only collects litter. Whole seconds, as Memcached counts; with it a holder that slept longer finds nothing to fulfil. */
const claimTtlMs = 5_000
/** How long others are told that a holder failed. */
const failedTtlMs = 1_000

/** The right to load a key for all processes, as long as its holder shows that it lives. */
export interface Claim {
  /** The key itself where there is nothing to serve meanwhile, a side key where a stale value stays readable. */
  readonly key: string
  readonly stamp: Stamp
  beat: number
  /** When the last sign of life that the store took was sent. */
  aliveAt: number
  lost: boolean
  /** When a sign of life was sent that is not answered yet. */
  beatSentAt?: number | undefined
  /** For whom it is held. */
  owner?: { readonly voided: boolean }
  /** The store was asked for it and did not say: it may stand there, and nobody here loads under it. */
  unanswered?: boolean
}

/**
 * Claims by compare-and-set in the store: a key is claimed by adding a placeholder, the holder's beat follows its
 * 17 clear bytes, and whoever saw no new beat for a second on its own clock replaces it. No two machines' clocks are
 * compared. The idea is the lease of "Scaling Memcache at Facebook" (Nishtala et al., NSDI 2013): a delete takes the
 * placeholder with it, and with it the right to store.
 */
export class Claims {
  readonly #store: GuardedStore
  readonly #codec: Codec
  readonly #clock: Clock
  readonly #storeTimeoutMs: number
  readonly #held = new Map<Stamp, Claim>()
  #timer: unknown
  #late: unknown

  constructor(store: GuardedStore, codec: Codec, clock: Clock, storeTimeoutMs: number) {
    this.#store = store
    this.#codec = codec
    this.#clock = clock
    this.#storeTimeoutMs = storeTimeoutMs
  }

  /** The claim, or what stands there instead. @throws StoreError, as a rejection. */
  async add(key: string, budget: Budget): Promise<Claim | Uint8Array> {
    const claim = this.#draft(key)
    const there = await this.#ask(claim, budget, (ms) =>
      this.#store.add(key, this.#bytes(claim), { ttlMs: claimTtlMs }, ms),
    )
    return there ?? this.#hold(claim)
  }

  /** The claim, if what stands there still begins with `head`. @throws StoreError, as a rejection. */
  async takeOver(key: string, head: Uint8Array, budget: Budget): Promise<Claim | undefined> {
    const claim = this.#draft(key)
    const taken = await this.#ask(claim, budget, (ms) =>
      this.#store.replace(key, head, this.#bytes(claim), { ttlMs: claimTtlMs }, ms),
    )
    return taken ? this.#hold(claim) : undefined
  }

  /** Where the answer is lost, those who wait elsewhere should not have to wait until the claim falls silent. */
  async #ask<T>(claim: Claim, budget: Budget, run: (ms: number) => Promise<T>): Promise<T> {
    let wasSent = false
    try {
      return await budget.spend((ms) => {
        wasSent = ms > 0
        return run(ms)
      })
    } catch (error) {
      claim.unanswered = true
      if (wasSent && this.#store.isUsable) this.#hold(claim)
      throw error
    }
  }

  /** Whether its holder may still store: it holds it as far as it knows, and it did not sleep meanwhile. */
  isAlive(claim: Claim): boolean {
    return !claim.lost && this.#clock.monotonic() - claim.aliveAt < silenceMs
  }

  /** Whether this process holds it for a load whose value nobody may keep any more. */
  isForsaken(stamp: Stamp): boolean {
    const claim = this.#held.get(stamp)
    return claim?.unanswered === true || claim?.owner?.voided === true
  }

  /** For tests of boundedness. */
  get size(): number {
    return this.#held.size
  }

  /** No more beats. */
  letGo(claim: Claim): void {
    this.#held.delete(claim.stamp)
  }

  /** Tells those who wait that the holder failed, so that each tries for itself at once. Never rejects. */
  fail(claim: Claim): Promise<void> {
    const mark = { key: claim.key, stamp: newStamp(), beat: 0, failed: true }
    return this.#leave(claim, encodeClaim(mark, this.#codec), failedTtlMs)
  }

  /** Gives the claim back, so that one of those who wait takes it: nothing failed, only nothing may be stored. Never rejects. */
  giveBack(claim: Claim): Promise<void> {
    // What is replaced by something that is over at once is as good as deleted, by its holder alone.
    return this.#leave(claim, this.#bytes(claim), 1)
  }

  async #leave(claim: Claim, bytes: Uint8Array, ttlMs: number): Promise<void> {
    this.letGo(claim)
    if (claim.lost) return
    const head = headOf('claim', claim.stamp)
    try {
      await this.#store.replace(claim.key, head, bytes, { ttlMs }, this.#storeTimeoutMs)
    } catch {
      // The claim runs out by itself.
    }
  }

  #draft(key: string): Claim {
    return { key, stamp: newStamp(), beat: 0, aliveAt: this.#clock.monotonic(), lost: false }
  }

  #bytes(claim: Claim): Uint8Array {
    return encodeClaim(claim, this.#codec)
  }

  #hold(claim: Claim): Claim {
    this.#held.set(claim.stamp, claim)
    if (this.#timer === undefined) this.#arm(beatMs)
    return claim
  }

  #arm(ms: number): void {
    this.#timer = this.#clock.setTimeout(() => void this.#beatAll(), Math.max(0, ms))
    keepAlive(this.#timer, false)
  }

  async #beatAll(): Promise<void> {
    const since = this.#clock.monotonic()
    const claims = [...this.#held.values()]
    for (let from = 0; from < claims.length; from += mostAtOnce) {
      const sent = claims.slice(from, from + mostAtOnce).map((claim) => this.#beat(claim))
      if (from + mostAtOnce < claims.length) await this.#answered(sent)
    }
    this.#timer = undefined
    if (this.#held.size > 0) this.#arm(beatMs - (this.#clock.monotonic() - since))
  }

  /** Of many claims the next group waits for the one before, so that none queues long; one lost answer holds up nobody. */
  #answered(sent: readonly Promise<void>[]): Promise<void> {
    return new Promise((resolve) => {
      const late = this.#clock.setTimeout(resolve, beatMs)
      keepAlive(late, false)
      this.#late = late
      void Promise.all(sent).then(() => {
        this.#clock.clearTimeout(late)
        resolve()
      })
    })
  }

  async #beat(claim: Claim): Promise<void> {
    // Let go while its turn came.
    if (!this.#held.has(claim.stamp)) return
    const sentAt = this.#clock.monotonic()
    if (!this.isAlive(claim)) {
      claim.lost = true
      this.letGo(claim)
      return
    }
    const head = headOf('claim', claim.stamp)
    if (claim.unanswered) {
      if (await this.#withdraw(claim, head)) this.letGo(claim)
      return
    }
    if (claim.beatSentAt !== undefined && sentAt - claim.beatSentAt < patienceMs) return
    claim.beatSentAt = sentAt
    claim.beat++
    try {
      const kept = await this.#store.replace(
        claim.key,
        head,
        this.#bytes(claim),
        { ttlMs: claimTtlMs },
        this.#storeTimeoutMs,
      )
      if (kept) claim.aliveAt = sentAt
      // A claim that was let go meanwhile has been fulfilled, which is no loss.
      else if (this.#held.has(claim.stamp)) claim.lost = true
    } catch {
      // One lost beat is not a lost claim; the next one, or the second without any, decides.
    }
    if (claim.beatSentAt === sentAt) claim.beatSentAt = undefined
    if (claim.lost) this.letGo(claim)
  }

  /** Whether it is known that it does not stand there any more. */
  async #withdraw(claim: Claim, head: Uint8Array): Promise<boolean> {
    try {
      await this.#store.replace(
        claim.key,
        head,
        this.#bytes(claim),
        { ttlMs: 1 },
        this.#storeTimeoutMs,
      )
      return true
    } catch {
      return false
    }
  }

  close(): void {
    this.#clock.clearTimeout(this.#timer)
    this.#clock.clearTimeout(this.#late)
    this.#held.clear()
  }
}
