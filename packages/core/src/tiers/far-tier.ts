import { keepAlive, type TimerHandle } from '../clock.ts'
import type { Codec } from '../entry/codec.ts'
import { encodeValue, restampValue } from '../entry/envelope.ts'
import { headBytes, type Stamp } from '../entry/head.ts'
import type { VersionMark } from '../entry/value-body.ts'
import { CodecError, InvalidationError, StoreError } from '../errors.ts'
import type { BusLink } from '../invalidation/bus-link.ts'
import { Journal, type Told } from '../invalidation/journal.ts'
import { type Acknowledged, RecentInvalidations } from '../invalidation/recent-invalidations.ts'
import type { Scope } from '../invalidation/scope.ts'
import type { FarSettings } from '../options/far-settings.ts'
import type { Engine } from '../read/engine.ts'
import type { NewEntry } from '../read/make-entry.ts'
import { Budget } from '../resilience/budget.ts'
import type { SettledReads, Store, StoreEntry } from '../store/store.ts'
import { Claims } from './claims.ts'
import type { Found } from './far-found.ts'
import { FarReader, type Looked, type Wanted } from './far-reader.ts'
import { GuardedStore } from './guarded-store.ts'
import { newStamp } from './stamps.ts'
import { pathOf, storeKey } from './store-keys.ts'
import { epochRefs, namespaceRefs, tagRefs, type VersionRef, Versions } from './versions.ts'

/** A key that a caller sets; without an entry, one whose value is not to be stored. */
export interface OutgoingKey {
  readonly key: string
  readonly entry: NewEntry | undefined
  readonly write: Write
}

/** A `set` on its way. One that is voided was overtaken by an invalidation or another `set` that came after it. */
export interface Write {
  voided: boolean
  /** Another process invalidated the key about the same time, before it or after: only the store knows. */
  doubtful: boolean
}

/** A value on its way into the store, with its times in milliseconds from now. */
export interface Outgoing {
  readonly value: unknown
  readonly freshMs: number
  readonly swrMs: number
  readonly sieMs: number
  readonly loadMs: number
  readonly tags: readonly string[]
  /** Versions as they were when the value began to be made. */
  readonly stamps: ReadonlyMap<string, Stamp>
}

/** How long the near tier believes an entry: a while with a bus that tells of invalidations, a moment without one. */
const busMaxAgeMs = 30_000
const soloMaxAgeMs = 1_000

/** How soon an invalidation that failed is tried again while the store answers; doubled after each that fails, up to the second. */
const makeUpMs = 250
const mostMakeUpMs = 2_000

/** So many times the invalidations of an outage are remembered in case that the store's primary changes. */
const recentShare = 5
/** The store says that its primary changes before it uses the new one. */
const primaryChangeMs = 5

/** Read to learn whether the store answers; nothing is ever stored under it. */
const probeKey = '/%p'

/**
 * The tier that processes share: reads that cost a bounded time, writes that an invalidation keeps out, and
 * invalidations that reach the store or are made up for. What a load does with it is in `far-load.ts`.
 */
export class FarTier {
  readonly #engine: Engine
  readonly settings: FarSettings
  readonly #codec: Codec
  readonly store: GuardedStore
  readonly versions: Versions
  readonly claims: Claims
  readonly journal: Journal<VersionRef>
  readonly #reader: FarReader
  /** For stores whose primary can change. */
  readonly #recent: RecentInvalidations<VersionRef> | undefined
  readonly #unlisten: (() => void) | undefined
  #changeTimer: TimerHandle
  link: BusLink | undefined
  readonly #writes = new Map<string, Write>()
  #makeUpTimer: TimerHandle
  #makeUpMs = makeUpMs
  #closed = false

  constructor(engine: Engine, settings: FarSettings) {
    this.#engine = engine
    this.settings = settings
    this.#codec = settings.codec
    const { clock, deadlines } = engine
    this.store = new GuardedStore(
      settings.store,
      clock,
      deadlines,
      { breaker: settings.breaker, probeMs: settings.storeTimeoutMs, probeKey },
      (state) => {
        engine.breakerChanged(state)
        if (state === 'closed') this.#makeUpSoon()
      },
      () => this.#makeUp(),
    )
    this.versions = new Versions(this.store, this.#codec)
    this.claims = new Claims(this.store, this.#codec, clock, settings.storeTimeoutMs)
    this.journal = new Journal(settings.journalKeys)
    this.#reader = new FarReader(
      engine,
      this.store,
      this.#codec,
      this.versions,
      this.journal,
      settings.storeTimeoutMs,
      () => this.maxAgeMs,
    )
    this.#unlisten = settings.store.onPrimaryChange?.(() => this.#primaryChanged())
    if (this.#unlisten !== undefined)
      this.#recent = new RecentInvalidations(settings.journalKeys * recentShare)
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

  beginWrite(nearKey: string): Write {
    this.voidWrite(nearKey)
    const write = { voided: false, doubtful: false }
    this.#writes.set(nearKey, write)
    return write
  }

  endWrite(nearKey: string, write: Write): void {
    if (this.#writes.get(nearKey) === write) this.#writes.delete(nearKey)
  }

  /** Something came after the `set` of this key that is on its way. */
  voidWrite(nearKey: string): void {
    const write = this.#writes.get(nearKey)
    if (write === undefined) return
    write.voided = true
    this.#writes.delete(nearKey)
  }

  /** Another process tells of an invalidation: the `set` of this key that is on its way goes on, and not into the near tier. */
  doubtWrite(nearKey: string): void {
    const write = this.#writes.get(nearKey)
    if (write !== undefined) write.doubtful = true
  }

  /** What is being read of this key now is from before an invalidation. */
  voidRead(nearKey: string): void {
    this.#reader.void(nearKey)
  }

  /** The server of a sharded store that keeps the key. */
  shardOf(scope: Scope, key: string): string | undefined {
    const store: Store & Partial<SettledReads> = this.settings.store
    return store.explain?.(storeKey(scope, key)).server
  }

  /** For tests of boundedness. */
  get pendingReads(): number {
    return this.#reader.pending
  }

  /** Versions that a value of these tags will be stored under, and the tag epochs for tags named later. */
  refs(scope: Scope, tags: readonly string[]): VersionRef[] {
    return [...namespaceRefs(scope), ...tagRefs(scope, tags), ...epochRefs(scope)]
  }

  async readStamps(refs: readonly VersionRef[], budget: Budget): Promise<Map<string, Stamp>> {
    const keys = refs.map((ref) => ref.key)
    const stamps = new Map<string, Stamp>()
    if (keys.length === 0) return stamps
    const all = await budget.spend((ms) => this.store.getMany(keys, ms))
    keys.forEach((key, index) => {
      const stamp = this.versions.read(key, all[index])
      if (stamp !== undefined && !this.journal.holds(key)) stamps.set(key, stamp)
    })
    return stamps
  }

  /**
   * The envelope of a value, under a new stamp.
   * @throws CodecError, as a rejection, for a value that cannot be stored exactly as it is, or whose versions are not known.
   */
  async encode(
    scope: Scope,
    key: string,
    out: Outgoing,
  ): Promise<{ readonly bytes: Uint8Array; readonly stamp: Stamp; readonly ttlMs: number }> {
    const now = this.#engine.clock.now()
    const stamp = newStamp()
    const ttlMs = out.freshMs + Math.max(out.swrMs, out.sieMs)
    const versions: VersionMark[] = []
    for (const ref of [...namespaceRefs(scope), ...tagRefs(scope, out.tags)]) {
      const known = out.stamps.get(ref.key)
      if (known === undefined)
        throw new CodecError('the versions that the value would be stored under could not be read')
      versions.push({ scope: ref.scope, name: ref.name, stamp: known })
    }
    const bytes = await encodeValue(
      {
        stamp,
        key: storeKey(scope, key),
        value: out.value,
        storedAt: now,
        staleAt: now + out.freshMs,
        expiresAt: now + ttlMs,
        staleWhileRevalidateMs: out.swrMs,
        staleIfErrorMs: out.sieMs,
        loadMs: out.loadMs,
        versions,
      },
      this.#codec,
    )
    if (bytes.byteLength > this.store.maxValueBytes) {
      throw new CodecError(
        `the store '${this.store.name}' takes values of at most ${this.store.maxValueBytes} bytes; this one has ${bytes.byteLength} with its envelope`,
      )
    }
    return { bytes, stamp, ttlMs }
  }

  /**
   * Stores values that a caller brings, or removes what is there where there is none to store; whoever is loading the
   * keys loses its claim. Rejects if what was there may still stand.
   */
  async set(scope: Scope, items: readonly OutgoingKey[]): Promise<(Stamp | undefined)[]> {
    const names = items.map(({ key }) => storeKey(scope, key))
    try {
      const budget = this.budget()
      const refs = new Map<string, VersionRef>()
      for (const ref of [
        ...namespaceRefs(scope),
        ...tagRefs(scope, [...new Set(items.flatMap(({ entry }) => entry?.tags ?? []))]),
      ])
        refs.set(ref.key, ref)
      const stamps = await this.readStamps([...refs.values()], budget)
      await this.versions.complete([...refs.values()], stamps, budget)
      const encoded = await Promise.all(
        items.map((item) => this.#encodeOrRefuse(scope, item, stamps)),
      )
      const entries: StoreEntry[] = []
      const gone: string[] = []
      encoded.forEach((one, index) => {
        // Whoever overtook it sees to the store.
        if (items[index]?.write.voided) return
        const key = names[index] as string
        if (one === undefined) gone.push(key)
        else entries.push({ key, bytes: one.bytes, ttlMs: one.ttlMs })
      })
      await budget.spend((ms) =>
        Promise.all([
          entries.length > 0 ? this.store.setMany(entries, ms) : undefined,
          // What cannot be stored must not leave what was there before.
          gone.length > 0 ? this.store.deleteMany(gone, ms) : undefined,
        ]),
      )
      items.forEach(({ key, write }, index) => {
        if (write.voided) return
        this.journal.forgetDelete(names[index] as string)
        this.#acknowledged(scope, [key], true)
      })
      return encoded.map((one) => one?.stamp)
    } catch (error) {
      this.#failed('set', error, () => {
        this.#noteDeletes(
          scope,
          items.map(({ key }) => key),
        )
      })
    }
  }

  async #encodeOrRefuse(
    scope: Scope,
    { key, entry }: OutgoingKey,
    stamps: ReadonlyMap<string, Stamp>,
  ) {
    if (entry === undefined) return undefined
    const { policy, value, freshMs, loadMs, tags } = entry
    try {
      return await this.encode(scope, key, {
        value,
        freshMs,
        swrMs: policy.swrMs,
        sieMs: policy.sieMs,
        loadMs,
        tags,
        stamps,
      })
    } catch (error) {
      if (!(error instanceof CodecError)) throw error
      this.#engine.counters.codecErrors++
      this.#engine.failed('codec', error, scope, key)
      return undefined
    }
  }

  async delete(scope: Scope, keys: readonly string[]): Promise<void> {
    const names = keys.map((key) => storeKey(scope, key))
    try {
      await this.budget().spend((ms) => this.store.deleteMany(names, ms))
      for (const name of names) this.journal.forgetDelete(name)
      this.#acknowledged(scope, keys, false)
    } catch (error) {
      this.#failed('delete', error, () => this.#noteDeletes(scope, keys))
    }
  }

  /** Stale from now on, where there is a window to be stale in; else deleted. */
  async expire(scope: Scope, keys: readonly string[]): Promise<void> {
    const names = keys.map((key) => storeKey(scope, key))
    try {
      const budget = this.budget()
      const all = await budget.spend((ms) => this.store.getMany(names, ms))
      await Promise.all(
        names.map(async (name, index) => {
          const bytes = all[index]
          if (bytes === undefined) return
          if (bytes instanceof StoreError) throw bytes
          if (bytes === null) return this.store.deleteMany([name], this.settings.storeTimeoutMs)
          const expired = this.#expired(name, bytes)
          const kept =
            expired !== undefined &&
            (await budget.spend((ms) =>
              this.store.replace(
                name,
                bytes.subarray(0, headBytes),
                expired.bytes,
                { ttlMs: expired.ttlMs },
                ms,
              ),
            ))
          // Whatever came between, gone is never wrong.
          if (!kept) await budget.spend((ms) => this.store.deleteMany([name], ms))
        }),
      )
      this.#acknowledged(scope, keys, false)
    } catch (error) {
      this.#failed('expire', error, () => this.#noteDeletes(scope, keys))
    }
  }

  #expired(
    key: string,
    bytes: Uint8Array,
  ): { readonly bytes: Uint8Array; readonly ttlMs: number } | undefined {
    if (!this.store.hasClaims) return undefined
    const now = this.#engine.clock.now()
    const stamp = newStamp()
    const windows = this.#reader.windowsOf(bytes, key)
    if (windows === undefined) return undefined
    // One that is stale already stays so for as long as it would have; the new stamp keeps a refresh of it out.
    const staleAt = Math.min(windows.staleAt, now)
    const expiresAt = staleAt + Math.max(windows.swrMs, windows.sieMs)
    const ttlMs = expiresAt - now
    if (ttlMs <= 0) return undefined
    const restamped = restampValue(bytes, { key, stamp, staleAt, expiresAt }, this.#codec)
    return restamped instanceof Uint8Array ? { bytes: restamped, ttlMs } : undefined
  }

  async invalidateTags(scope: Scope, tags: readonly string[]): Promise<void> {
    // The epoch first: whoever then reads a new tag version also finds the new epoch.
    const epoch = epochRefs(scope).slice(-1)
    const own = tagRefs(scope, tags).slice(-tags.length)
    const told: Told = { type: 'tags', path: pathOf(scope), tags }
    if (own.length > 0) await this.#renew('invalidateTags', told, [epoch, own])
  }

  async clear(scope: Scope): Promise<void> {
    const told: Told = { type: 'clear', path: pathOf(scope) }
    await this.#renew('clear', told, [namespaceRefs(scope).slice(-1)])
  }

  /** Writes new versions, one group after the other. What fails, and all that comes after it, is journalled. */
  async #renew(
    operation: string,
    told: Told,
    groups: readonly (readonly VersionRef[])[],
  ): Promise<void> {
    const budget = this.budget()
    let written = 0
    try {
      for (const refs of groups) {
        const versions = refs.map((ref) => this.versions.renew(ref))
        await budget.spend((ms) => this.store.setMany(versions, ms))
        for (const ref of refs) {
          this.journal.forgetVersion(ref.key)
          this.#recent?.note(
            { key: ref.key, version: ref, told: toldOf(ref, told), isSet: false },
            this.#engine.clock.monotonic(),
          )
        }
        written++
      }
    } catch (error) {
      this.#failed(operation, error, () => {
        for (const ref of groups.slice(written).flat())
          this.journal.noteVersion(ref, toldOf(ref, told))
      })
    }
  }

  #noteDeletes(scope: Scope, keys: readonly string[]): void {
    const path = pathOf(scope)
    for (const key of keys) this.journal.noteDelete(storeKey(scope, key), toldOfKey(path, key))
  }

  #acknowledged(scope: Scope, keys: readonly string[], isSet: boolean): void {
    const recent = this.#recent
    if (recent === undefined) return
    const now = this.#engine.clock.monotonic()
    const path = pathOf(scope)
    for (const key of keys) {
      const told = toldOfKey(path, key)
      recent.note({ key: storeKey(scope, key), version: undefined, told, isSet }, now)
    }
  }

  /** What the former primary acknowledged last may be lost: nothing of it is believed until it has been made again. */
  #primaryChanged(): void {
    const recent = this.#recent
    const { clock } = this.#engine
    if (recent === undefined || this.#closed) return
    const now = clock.monotonic()
    const { all, isWhole } = recent.lastMinute(now)
    for (const what of all) {
      this.#journalAgain(what)
      // The next change of the primary may come before this minute is over.
      recent.note(what, now)
    }
    if (!isWhole) this.journal.noteEverything()
    clock.clearTimeout(this.#changeTimer)
    this.#changeTimer = clock.setTimeout(() => this.store.changed(), primaryChangeMs)
    keepAlive(this.#changeTimer, false)
    this.#makeUpSoon()
  }

  #journalAgain({ key, told, version }: Acknowledged<VersionRef>): void {
    if (version !== undefined) this.journal.noteVersion(version, told)
    else if (told !== undefined) this.journal.noteDelete(key, told)
  }

  /** @throws InvalidationError, always. */
  #failed(operation: string, error: unknown, note: () => void): never {
    note()
    this.#makeUpSoon()
    this.#engine.storeFailed(operation, error)
    throw new InvalidationError(
      `${operation} did not reach the store '${this.store.name}': other processes may read the old value until it answers again and this is made up for`,
      { cause: error },
    )
  }

  /** Not known whether it arrived: what stands under the key is not believed until it has been deleted. */
  doubt(scope: Scope, key: string): void {
    this.#noteDeletes(scope, [key])
    this.#makeUpSoon()
  }

  /** A single failure opens no breaker, so nothing but this timer makes up for it. */
  #makeUpSoon(): void {
    const { clock } = this.#engine
    if (this.#makeUpTimer !== undefined || this.#closed || this.journal.isEmpty) return
    this.#makeUpTimer = clock.setTimeout(
      () => void this.#tryToMakeUp(),
      this.#makeUpMs * (0.5 + clock.random() / 2),
    )
    keepAlive(this.#makeUpTimer, false)
  }

  async #tryToMakeUp(): Promise<void> {
    await this.makeUpNow()
    this.#makeUpTimer = undefined
    if (this.store.isUsable) this.#makeUpSoon()
  }

  /** Tries once to make up for what failed. Never rejects. */
  async makeUpNow(): Promise<void> {
    // While the breaker is open its probes do it, and what they leave is left to the next timer.
    if (!this.store.isUsable) return
    try {
      await this.#makeUp()
      this.#makeUpMs = makeUpMs
    } catch (error) {
      this.#engine.storeFailed('delete', error)
      this.#makeUpMs = Math.min(this.#makeUpMs * 2, mostMakeUpMs)
    }
  }

  /** Before the store is believed again after an outage. Rejects if it fails once more. */
  async #makeUp(): Promise<void> {
    const { deletes, versions, overflowed, told, done } = this.journal.take()
    const everything = overflowed ? namespaceRefs(this.#engine.root).slice(-1) : []
    const renewed = [...versions, ...everything].map((ref) => this.versions.renew(ref))
    if (deletes.length === 0 && renewed.length === 0) return
    const refused = await this.store.makeUp(deletes, renewed, this.settings.storeTimeoutMs * 5)
    done(
      refused,
      everything.every(({ key }) => !refused.has(key)),
    )
    this.#tell(overflowed ? [{ type: 'clear', path: [] }] : told)
    this.#engine.counters.madeUp += deletes.length + renewed.length - refused.size
  }

  #tell(all: readonly Told[]): void {
    const { link } = this
    if (link === undefined) return
    const keys = new Map<string, { readonly path: readonly string[]; readonly keys: string[] }>()
    for (const told of all) {
      if (told.type !== 'keys') {
        void link.publish(told)
        continue
      }
      const at = JSON.stringify(told.path)
      const of = keys.get(at) ?? { path: told.path, keys: [] }
      keys.set(at, of)
      of.keys.push(...told.keys)
    }
    for (const { path, keys: some } of keys.values()) void link.publishKeys(path, some, false)
  }

  close(): void {
    this.#closed = true
    this.#engine.clock.clearTimeout(this.#makeUpTimer)
    this.#engine.clock.clearTimeout(this.#changeTimer)
    this.#unlisten?.()
    this.claims.close()
    this.store.close()
  }
}

const toldOfKey = (path: readonly string[], key: string): Told => ({
  type: 'keys',
  path,
  keys: [key],
  expire: false,
})

/** An epoch is told of by its tags. */
const toldOf = (ref: VersionRef, told: Told) => (ref.scope === 'epoch' ? undefined : told)
