import type { Codec } from '../entry/codec.ts'
import { encodeValue, restampValue } from '../entry/envelope.ts'
import { headBytes, type Stamp } from '../entry/head.ts'
import type { VersionMark } from '../entry/value-body.ts'
import { CodecError, StoreError } from '../errors.ts'
import type { Scope } from '../invalidation/scope.ts'
import { type Engine, nearKeyOf } from '../read/engine.ts'
import type { NewEntry } from '../read/make-entry.ts'
import type { Budget } from '../resilience/budget.ts'
import type { StoreEntry } from '../store/store.ts'
import type { FarTier } from './far-tier.ts'
import type { MakeUp } from './make-up.ts'
import { newStamp } from './stamps.ts'
import { storeKey } from './store-keys.ts'
import { marksOf, type VersionStamps } from './version-stamps.ts'
import { namespaceRefs, tagRefs, type VersionRef } from './versions.ts'
import { newDeletion, newWrite, type Overtaker, successorOf, type Write } from './write.ts'

/** A key that a caller sets; without an entry, one whose value is not to be stored. */
export interface OutgoingKey {
  readonly key: string
  readonly entry: NewEntry | undefined
  readonly write: Write
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
  readonly stamps: ReadonlyMap<string, VersionStamps>
}

/** What callers write: values that an invalidation keeps out, and invalidations that reach the store or are made up for. */
export class FarWrites {
  readonly #engine: Engine
  readonly #tier: FarTier
  readonly #codec: Codec
  readonly #makeUp: MakeUp
  readonly #writes = new Map<string, Write>()

  constructor(engine: Engine, tier: FarTier, makeUp: MakeUp) {
    this.#engine = engine
    this.#tier = tier
    this.#codec = tier.settings.codec
    this.#makeUp = makeUp
  }

  begin(nearKey: string): Write {
    const write = newWrite()
    this.#overtake(nearKey, write)
    this.#writes.set(nearKey, write)
    return write
  }

  end(nearKey: string, write: Write): void {
    if (this.#writes.get(nearKey) === write) this.#writes.delete(nearKey)
  }

  /** What is on its way for these keys is overtaken by a deletion that is about to be sent. */
  beginDeletion(scope: Scope, keys: readonly string[]): Overtaker {
    const deletion = newDeletion()
    for (const key of keys) this.#overtake(nearKeyOf(scope, key), deletion)
    return deletion
  }

  #overtake(nearKey: string, by: Overtaker): void {
    const write = this.#writes.get(nearKey)
    if (write === undefined) return
    write.overtakenBy = by
    this.#writes.delete(nearKey)
  }

  /** Another process tells of an invalidation: the `set` of this key that is on its way goes on, and not into the near tier. */
  doubt(nearKey: string): void {
    const write = this.#writes.get(nearKey)
    if (write !== undefined) write.doubtful = true
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
      versions.push(...marksOf(ref, known))
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
    this.#engine.observer.measure?.('entrySize', bytes.byteLength)
    if (bytes.byteLength > this.#tier.store.maxValueBytes) {
      throw new CodecError(
        `the store '${this.#tier.store.name}' takes values of at most ${this.#tier.store.maxValueBytes} bytes; this one has ${bytes.byteLength} with its envelope`,
      )
    }
    return { bytes, stamp, ttlMs }
  }

  /**
   * Stores values that a caller brings, or removes what is there where there is none to store; whoever is loading the
   * keys loses its claim. What is overtaken before it is sent ends as that does which overtook it. Rejects if what was
   * there may still stand.
   */
  set(scope: Scope, items: readonly OutgoingKey[]): Promise<(Stamp | undefined)[]> {
    const done = this.#set(scope, items)
    for (const { write } of items) write.done = done
    return done
  }

  async #set(scope: Scope, items: readonly OutgoingKey[]): Promise<(Stamp | undefined)[]> {
    const { era } = this.#makeUp
    const names = items.map(({ key }) => storeKey(scope, key))
    const budget = this.#tier.budget()
    const awaited = new Set<Promise<unknown>>()
    let stamped: (Stamp | undefined)[]
    let left = items
    try {
      const refs = new Map<string, VersionRef>()
      for (const ref of [
        ...namespaceRefs(scope),
        ...tagRefs(scope, [...new Set(items.flatMap(({ entry }) => entry?.tags ?? []))]),
      ])
        refs.set(ref.key, ref)
      const stamps = await this.#tier.readStamps([...refs.values()], budget)
      await this.#tier.versions.complete([...refs.values()], stamps, budget)
      const encoded = await Promise.all(
        items.map((item) => this.#encodeOrRefuse(scope, item, stamps)),
      )
      const entries: StoreEntry[] = []
      const gone: string[] = []
      const writes = new Set<Overtaker>(items.map(({ write }) => write))
      left = items.filter(({ write }) => {
        const later = successorOf(write)
        if (later === undefined) return true
        // Of a key that is named twice the last one counts; it is waited for in any case.
        if (writes.has(later)) later.isAwaited ||= write.isAwaited
        else {
          later.isAwaited = true
          if (later.done !== undefined) awaited.add(later.done)
        }
        return false
      })
      const sent = new Set(left)
      encoded.forEach((one, index) => {
        const item = items[index] as OutgoingKey
        if (!sent.has(item)) return
        item.write.isSent = true
        const key = names[index] as string
        if (one === undefined) gone.push(key)
        else entries.push({ key, bytes: one.bytes, ttlMs: one.ttlMs })
      })
      await budget.spend((ms) =>
        Promise.all([
          entries.length > 0 ? this.#tier.store.setMany(entries, ms) : undefined,
          // What cannot be stored must not leave what was there before.
          gone.length > 0 ? this.#tier.store.deleteMany(gone, ms) : undefined,
        ]),
      )
      for (const { key, write } of items) {
        if (write.overtakenBy !== undefined) continue
        this.#makeUp.acknowledgedKeys(scope, [key], 'set', era)
      }
      stamped = encoded.map((one) => one?.stamp)
    } catch (error) {
      const unsure = left.map(({ key }) => key)
      this.#makeUp.failed('set', error, () => this.#makeUp.noteDeletes(scope, unsure))
    }
    if (awaited.size > 0) await this.#ended([...awaited], budget)
    return stamped
  }

  /** Only later ones are ever waited for, so that no two wait for each other; and each of them notes its own failure. */
  async #ended(later: readonly Promise<unknown>[], budget: Budget): Promise<void> {
    try {
      await budget.spend((ms) => this.#tier.store.within(ms, 'set', () => Promise.all(later)))
    } catch (error) {
      this.#makeUp.failed('set', error, () => {})
    }
  }

  async #encodeOrRefuse(
    scope: Scope,
    { key, entry }: OutgoingKey,
    stamps: ReadonlyMap<string, VersionStamps>,
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
    const { era } = this.#makeUp
    const names = keys.map((key) => storeKey(scope, key))
    try {
      await this.#tier.budget().spend((ms) => this.#tier.store.deleteMany(names, ms))
      this.#makeUp.acknowledgedKeys(scope, keys, 'gone', era)
    } catch (error) {
      this.#makeUp.failed('delete', error, () => this.#makeUp.noteDeletes(scope, keys))
    }
  }

  /** Stale from now on, where there is a window to be stale in; else deleted. */
  async expire(scope: Scope, keys: readonly string[]): Promise<void> {
    const { era } = this.#makeUp
    const names = keys.map((key) => storeKey(scope, key))
    try {
      const budget = this.#tier.budget()
      const all = await budget.spend((ms) => this.#tier.store.getMany(names, ms))
      await Promise.all(
        names.map(async (name, index) => {
          const bytes = all[index]
          if (bytes === undefined) return
          if (bytes instanceof StoreError) throw bytes
          if (bytes === null)
            return this.#tier.store.deleteMany([name], this.#tier.settings.storeTimeoutMs)
          const expired = this.#expired(name, bytes)
          const kept =
            expired !== undefined &&
            (await budget.spend((ms) =>
              this.#tier.store.replace(
                name,
                bytes.subarray(0, headBytes),
                expired.bytes,
                { ttlMs: expired.ttlMs },
                ms,
              ),
            ))
          // Whatever came between, gone is never wrong.
          if (!kept) await budget.spend((ms) => this.#tier.store.deleteMany([name], ms))
        }),
      )
      this.#makeUp.acknowledgedKeys(scope, keys, 'stale', era)
    } catch (error) {
      this.#makeUp.failed('expire', error, () => this.#makeUp.noteDeletes(scope, keys))
    }
  }

  #expired(
    key: string,
    bytes: Uint8Array,
  ): { readonly bytes: Uint8Array; readonly ttlMs: number } | undefined {
    if (!this.#tier.store.hasClaims) return undefined
    const now = this.#engine.clock.now()
    const stamp = newStamp()
    const windows = this.#tier.windowsOf(bytes, key)
    if (windows === undefined) return undefined
    // One that is stale already stays so for as long as it would have; the new stamp keeps a refresh of it out.
    const staleAt = Math.min(windows.staleAt, now)
    const expiresAt = staleAt + Math.max(windows.swrMs, windows.sieMs)
    const ttlMs = expiresAt - now
    if (ttlMs <= 0) return undefined
    const restamped = restampValue(bytes, { key, stamp, staleAt, expiresAt }, this.#codec)
    return restamped instanceof Uint8Array ? { bytes: restamped, ttlMs } : undefined
  }
}
