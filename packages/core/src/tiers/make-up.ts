import { keepAlive, type TimerHandle } from '../clock.ts'
import { InvalidationError } from '../errors.ts'
import type { BusLink } from '../invalidation/bus-link.ts'
import { Journal, type Told } from '../invalidation/journal.ts'
import { type Acknowledged, RecentInvalidations } from '../invalidation/recent-invalidations.ts'
import type { Scope } from '../invalidation/scope.ts'
import type { FarSettings } from '../options/far-settings.ts'
import type { Engine } from '../read/engine.ts'
import type { GuardedStore } from './guarded-store.ts'
import { pathOf, storeKey } from './store-keys.ts'
import { namespaceRefs, type VersionRef, type Versions } from './versions.ts'

/** How soon an invalidation that failed is tried again while the store answers; doubled after each that fails, up to the second. */
const firstMs = 50
const mostMs = 2_000

/** So many times the invalidations of an outage are remembered in case that the store's primary changes. */
const recentShare = 5
/** The store says that its primary changes before it uses the new one. */
const primaryChangeMs = 5

/**
 * Makes up for invalidations: for those that did not reach the store, once it answers, and for those of the last
 * minute when its primary changes, which may have lost them. Until then nothing that they concern is believed.
 */
export class MakeUp {
  readonly #engine: Engine
  readonly #settings: FarSettings
  readonly #store: GuardedStore
  readonly #versions: Versions
  readonly journal: Journal<VersionRef>
  /** For stores whose primary can change. */
  readonly #recent: RecentInvalidations<VersionRef> | undefined
  readonly #unlisten: (() => void) | undefined
  /** Where the other processes are told of what was made up for. */
  link: BusLink | undefined
  #timer: TimerHandle
  #changeTimer: TimerHandle
  #nextMs = firstMs
  #era = 0
  #closed = false

  constructor(engine: Engine, settings: FarSettings, store: GuardedStore, versions: Versions) {
    this.#engine = engine
    this.#settings = settings
    this.#store = store
    this.#versions = versions
    this.journal = new Journal(settings.journalKeys)
    this.#unlisten = settings.store.onPrimaryChange?.(() => this.#primaryChanged())
    if (this.#unlisten !== undefined)
      this.#recent = new RecentInvalidations(settings.journalKeys * recentShare)
  }

  /** Whether it arrived is not known: what stands under these keys is not believed until it has been deleted. */
  noteDeletes(scope: Scope, keys: readonly string[]): void {
    const path = pathOf(scope)
    for (const key of keys) this.journal.noteDelete(storeKey(scope, key), toldOfKey(path, key))
    this.soon()
  }

  /**
   * As `noteDeletes`, for a key that was loaded and perhaps stored: nothing was invalidated, so that other processes may
   * keep what they have; those who wait for the key are told once its claim has gone with it.
   */
  noteUnstored(scope: Scope, key: string): void {
    this.journal.noteDelete(storeKey(scope, key), { type: 'done', path: pathOf(scope), key })
    this.soon()
  }

  /** As `noteDeletes`, for versions: until they are others, nothing is believed that names them. */
  noteVersions(refs: readonly VersionRef[], told: Told): void {
    for (const ref of refs) this.journal.noteVersion(ref, toldOf(ref, told))
    this.soon()
  }

  /** Counts the primaries that the store has had: what one of them acknowledges says nothing about the next. */
  get era(): number {
    return this.#era
  }

  /** The store took what was to become of these keys, which it was asked in `era`. */
  acknowledgedKeys(
    scope: Scope,
    keys: readonly string[],
    became: 'gone' | 'stale' | 'set',
    era: number,
  ): void {
    if (era !== this.#era) {
      this.noteDeletes(scope, keys)
      return
    }
    // One that is only stale may not have been what was to be deleted.
    if (became !== 'stale') for (const key of keys) this.journal.forgetDelete(storeKey(scope, key))
    const recent = this.#recent
    if (recent === undefined) return
    const now = this.#engine.clock.monotonic()
    const path = pathOf(scope)
    for (const key of keys) {
      const told = toldOfKey(path, key)
      const isSet = became === 'set'
      recent.note({ key: storeKey(scope, key), version: undefined, told, isSet }, now)
    }
  }

  /** The same of versions. */
  acknowledgedVersions(
    refs: readonly VersionRef[],
    told: Told,
    era: number,
    became: 'gone' | 'stale' = 'gone',
  ): void {
    if (era !== this.#era) {
      this.noteVersions(refs, told)
      return
    }
    const now = this.#engine.clock.monotonic()
    for (const ref of refs) {
      const { key } = ref
      // One that was only expired may not have been what was to be invalidated.
      if (became === 'gone') this.journal.forgetVersion(key)
      this.#recent?.note({ key, version: ref, told: toldOf(ref, told), isSet: false }, now)
    }
  }

  /** What the former primary acknowledged last may be lost: nothing of it is believed until it has been made again. */
  #primaryChanged(): void {
    const recent = this.#recent
    const { clock } = this.#engine
    if (recent === undefined || this.#closed) return
    this.#era++
    const now = clock.monotonic()
    const { all, isWhole } = recent.lastMinute(now)
    for (const what of all) {
      this.#journalAgain(what)
      // The next change of the primary may come before this minute is over.
      recent.note(what, now)
    }
    if (!isWhole) this.journal.noteEverything()
    clock.clearTimeout(this.#changeTimer)
    this.#changeTimer = clock.setTimeout(() => this.#store.changed(), primaryChangeMs)
    keepAlive(this.#changeTimer, false)
    this.soon()
  }

  #journalAgain({ key, told, version }: Acknowledged<VersionRef>): void {
    if (version !== undefined) this.journal.noteVersion(version, told)
    else if (told !== undefined) this.journal.noteDelete(key, told)
  }

  /**
   * Notes an invalidation that did not reach the store, and tells of it.
   * @throws InvalidationError, always.
   */
  failed(operation: string, error: unknown, note: () => void): never {
    note()
    this.#engine.storeFailed(operation, error)
    throw new InvalidationError(
      `${operation} did not reach the store '${this.#store.name}': other processes may read the old value until it answers again and this is made up for`,
      { cause: error },
    )
  }

  /** A single failure opens no breaker, so nothing but this timer makes up for it. */
  soon(): void {
    const { clock } = this.#engine
    if (this.#timer !== undefined || this.#closed || this.journal.isEmpty) return
    this.#timer = clock.setTimeout(
      () => void this.#try(),
      this.#nextMs * (0.5 + clock.random() / 2),
    )
    keepAlive(this.#timer, false)
  }

  async #try(): Promise<void> {
    await this.now()
    this.#timer = undefined
    if (this.#store.isUsable) this.soon()
  }

  /** Tries once to make up for what failed. Never rejects. */
  async now(): Promise<void> {
    // While the breaker is open its probes do it, and what they leave is left to the next timer.
    if (!this.#store.isUsable) return
    try {
      await this.run()
      this.#nextMs = firstMs
    } catch (error) {
      this.#engine.storeFailed('delete', error)
      this.#nextMs = Math.min(this.#nextMs * 2, mostMs)
    }
  }

  /** Before the store is believed again after an outage. Rejects if it fails once more. */
  async run(): Promise<void> {
    const { deletes, versions, overflowed, told, done } = this.journal.take()
    const everything = overflowed ? namespaceRefs(this.#engine.root).slice(-1) : []
    const renewed = [...versions, ...everything].map((ref) => this.#versions.renew(ref))
    if (deletes.length === 0 && renewed.length === 0) return
    const refused = await this.#store.makeUp(deletes, renewed, this.#settings.storeTimeoutMs * 5)
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
    this.#engine.clock.clearTimeout(this.#timer)
    this.#engine.clock.clearTimeout(this.#changeTimer)
    this.#unlisten?.()
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
