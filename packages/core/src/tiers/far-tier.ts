import type { Codec } from '../entry/codec.ts'
import type { BusLink } from '../invalidation/bus-link.ts'
import type { Journal } from '../invalidation/journal.ts'
import type { Scope } from '../invalidation/scope.ts'
import type { FarSettings } from '../options/far-settings.ts'
import type { Engine } from '../read/engine.ts'
import { Budget } from '../resilience/budget.ts'
import type { SettledReads, Store } from '../store/store.ts'
import { Claims } from './claims.ts'
import type { Found } from './far-found.ts'
import { FarReader, type Looked } from './far-reader.ts'
import { FarWrites } from './far-writes.ts'
import { GuardedStore } from './guarded-store.ts'
import { MakeUp } from './make-up.ts'
import type { Reading, Wanted } from './read-batch.ts'
import { storeKey } from './store-keys.ts'
import type { VersionStamps } from './version-stamps.ts'
import { VersionWrites } from './version-writes.ts'
import { epochRefs, namespaceRefs, tagRefs, type VersionRef, Versions } from './versions.ts'

/** How long the near tier believes an entry: a while with a bus that tells of invalidations, a moment without one. */
const busMaxAgeMs = 30_000
const soloMaxAgeMs = 1_000

/** Read to learn whether the store answers; nothing is ever stored under it. */
const probeKey = '/%p'

/**
 * A store says by it that it compares all it hands out with a digest of its own. Registered, for stores of other
 * packages; a store made of stores does not pass it on.
 */
const verifies: unique symbol = Symbol.for('holdfast.verifies')

/**
 * The tier that processes share: what reads, writes, claims and what makes up for failures stand on together. What a
 * load does with it is in `far-loads.ts`.
 */
export class FarTier {
  readonly #engine: Engine
  readonly settings: FarSettings
  readonly #codec: Codec
  readonly store: GuardedStore
  readonly versions: Versions
  readonly claims: Claims
  readonly makeUp: MakeUp
  readonly writes: FarWrites
  readonly versionWrites: VersionWrites
  readonly #reader: FarReader

  constructor(engine: Engine, settings: FarSettings) {
    this.#engine = engine
    this.settings = settings
    this.#codec = settings.codec
    const { clock, deadlines, observer } = engine
    this.store = new GuardedStore(
      settings.store,
      clock,
      deadlines,
      { breaker: settings.breaker, probeMs: settings.storeTimeoutMs, probeKey, observer },
      (state) => {
        engine.breakerChanged(state)
        if (state === 'closed') this.makeUp.soon()
      },
      () => this.makeUp.run(),
    )
    this.versions = new Versions(this.store, this.#codec)
    this.claims = new Claims(this.store, this.#codec, clock, settings.storeTimeoutMs)
    this.makeUp = new MakeUp(engine, settings, this.store, this.versions)
    this.writes = new FarWrites(engine, this, this.makeUp)
    const isVerified = (settings.store as { [verifies]?: boolean })[verifies] === true
    this.versionWrites = new VersionWrites(engine, this, this.makeUp)
    this.#reader = new FarReader(
      engine,
      this.store,
      isVerified ? { ...this.#codec, isVerified } : this.#codec,
      this.versions,
      this.journal,
      settings.storeTimeoutMs,
      () => this.maxAgeMs,
    )
  }

  /** What stands under a key is not believed where the journal holds it. */
  get journal(): Journal<VersionRef> {
    return this.makeUp.journal
  }

  /** The way to the other processes, once there is one. */
  get link(): BusLink | undefined {
    return this.makeUp.link
  }

  set link(link: BusLink | undefined) {
    this.makeUp.link = link
  }

  /** What a call may still spend on the store, `spentMs` of it being gone. */
  budget(spentMs = 0): Budget {
    return new Budget(this.#engine.clock, this.settings.storeTimeoutMs, spentMs)
  }

  /** How long the near tier believes an entry without asking again. */
  get maxAgeMs(): number {
    const chosenMs = this.#engine.settings.memory?.maxAgeMs
    if (this.link === undefined) return chosenMs ?? soloMaxAgeMs
    if (this.link.isTrusted) return chosenMs ?? busMaxAgeMs
    // Whoever chose to rely on a bus relies on nothing while it cannot be believed.
    return Math.min(chosenMs ?? soloMaxAgeMs, soloMaxAgeMs)
  }

  /** What the store has under a key; an entry is put into the near tier on its way. Never rejects. */
  read(scope: Scope, want: Wanted): Promise<Found> {
    return this.#reader.read(scope, want)
  }

  /** As `read`, for whoever chains to the answer itself, and may want nothing but a fresh value. */
  ask(
    scope: Scope,
    key: string,
    nearKey: string,
    tags: readonly string[],
    wantsValue: boolean,
  ): Reading {
    return this.#reader.queue.ask(scope, key, nearKey, tags, wantsValue)
  }

  /** What stands under a key, for `explain`. @throws StoreError, as a rejection. */
  look(scope: Scope, key: string): Promise<Looked> {
    return this.#reader.look(scope, key)
  }

  /** As `read` for each, in one round trip. */
  readMany(scope: Scope, wanted: readonly Wanted[]): Promise<Found[]> {
    return Promise.all(wanted.map((want) => this.#reader.read(scope, want)))
  }

  /** As `readMany`, and once more for keys that an invalidation overtook. */
  readLatest(scope: Scope, wanted: readonly Wanted[]): Promise<Found[]> {
    return Promise.all(wanted.map((want) => this.#reader.readLatest(scope, want)))
  }

  /** What is being read of this key now is from before an invalidation. */
  voidRead(nearKey: string): void {
    this.#reader.queue.void(nearKey)
  }

  /** The server of a sharded store that keeps the key. */
  shardOf(scope: Scope, key: string): string | undefined {
    const store: Store & Partial<SettledReads> = this.settings.store
    return store.explain?.(storeKey(scope, key)).server
  }

  /** The times of a stored value; `undefined` for anything that is none. */
  windowsOf(bytes: Uint8Array, key: string): ReturnType<FarReader['windowsOf']> {
    return this.#reader.windowsOf(bytes, key)
  }

  /** For tests of boundedness. */
  get pendingReads(): number {
    return this.#reader.queue.pending
  }

  /** Versions that a value of these tags will be stored under, and the tag epochs for tags named later. */
  refs(scope: Scope, tags: readonly string[]): VersionRef[] {
    return [...namespaceRefs(scope), ...tagRefs(scope, tags), ...epochRefs(scope)]
  }

  async readStamps(
    refs: readonly VersionRef[],
    budget: Budget,
  ): Promise<Map<string, VersionStamps>> {
    const keys = refs.map((ref) => ref.key)
    const stamps = new Map<string, VersionStamps>()
    if (keys.length === 0) return stamps
    // What was not made up for when the store was asked may be answered from before it was.
    const held = this.journal.isEmpty ? [] : keys.filter((key) => this.journal.holds(key))
    const all = await budget.spend((ms) => this.store.getMany(keys, ms))
    keys.forEach((key, index) => {
      const version = this.versions.read(key, all[index])
      if (version !== undefined && !this.journal.holds(key) && !held.includes(key))
        stamps.set(key, version)
    })
    return stamps
  }

  close(): void {
    this.makeUp.close()
    this.claims.close()
    this.store.close()
  }
}
