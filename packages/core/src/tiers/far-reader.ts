import type { Codec } from '../entry/codec.ts'
import { Entry } from '../entry/entry.ts'
import { type DecodedEntry, type DecodedValue, decodeEntry, readFields } from '../entry/envelope.ts'
import { headBytes, headOf, type Stamp } from '../entry/head.ts'
import { isolate } from '../entry/isolate.ts'
import type { Journal } from '../invalidation/journal.ts'
import type { Scope } from '../invalidation/scope.ts'
import { earlyRefreshAt } from '../read/early-refresh.ts'
import type { Engine } from '../read/engine.ts'
import { entryBytes } from '../read/make-entry.ts'
import type { Budget } from '../resilience/budget.ts'
import type { Found } from './far-found.ts'
import type { GuardedStore } from './guarded-store.ts'
import { storeKey } from './store-keys.ts'
import {
  epochRefs,
  namespaceRefs,
  refOfMark,
  tagRefs,
  tagsOfMarks,
  type VersionRef,
  type Versions,
} from './versions.ts'

/** A key to look for. */
export interface Wanted {
  readonly key: string
  readonly nearKey: string
  /** Tags the caller expects: their versions come with the value, in one round trip. */
  readonly tags: readonly string[]
}

/**
 * Reads entries from the store and judges them: whole, of this key, within their time, and under the versions of
 * namespace and tags that hold now. It never rejects: a store that does not answer is an answer.
 */
export class FarReader {
  readonly #engine: Engine
  readonly #store: GuardedStore
  readonly #codec: Codec
  readonly #versions: Versions
  readonly #journal: Journal
  readonly #maxAgeMs: () => number

  constructor(
    engine: Engine,
    store: GuardedStore,
    codec: Codec,
    versions: Versions,
    journal: Journal,
    maxAgeMs: () => number,
  ) {
    this.#engine = engine
    this.#store = store
    this.#codec = codec
    this.#versions = versions
    this.#journal = journal
    this.#maxAgeMs = maxAgeMs
  }

  /** One round trip for all keys and the versions they are known to depend on; a second for tags that only the entries name. */
  async read(scope: Scope, wanted: readonly Wanted[], budget: Budget): Promise<Found[]> {
    const out: Found = { state: 'out' }
    if (!this.#store.isUsable) return wanted.map(() => out)
    const keys = wanted.map(({ key }) => storeKey(scope, key))
    const refs = new Map<string, VersionRef>()
    for (const ref of [...namespaceRefs(scope), ...epochRefs(scope)]) refs.set(ref.key, ref)
    for (const { tags } of wanted) for (const ref of tagRefs(scope, tags)) refs.set(ref.key, ref)
    const seq = this.#engine.fence.seq
    try {
      const versionKeys = [...refs.keys()]
      const all = await budget.spend((ms) => this.#store.getMany([...keys, ...versionKeys], ms))
      const stamps = new Map<string, Stamp>()
      this.#note(stamps, versionKeys, all.slice(keys.length))
      const decoded = await Promise.all(
        keys.map((key, index) => {
          const bytes = all[index]
          return bytes === undefined ? undefined : decodeEntry(bytes, key, this.#codec)
        }),
      )
      await this.#readNamedVersions(scope, decoded, stamps, budget)
      return wanted.map((want, index) =>
        this.#judge(scope, want, keys[index] as string, decoded[index], all[index], stamps, seq),
      )
    } catch (error) {
      this.#engine.storeFailed('get', error)
      return wanted.map(() => out)
    }
  }

  /** The times of a stored value; `undefined` for anything that is none. */
  windowsOf(
    bytes: Uint8Array,
    key: string,
  ): { readonly staleAt: number; readonly swrMs: number; readonly sieMs: number } | undefined {
    const fields = readFields(bytes, key, this.#codec)
    return (
      fields && {
        staleAt: fields.staleAt,
        swrMs: fields.staleWhileRevalidateMs,
        sieMs: fields.staleIfErrorMs,
      }
    )
  }

  #note(
    stamps: Map<string, Stamp>,
    keys: readonly string[],
    bytes: readonly (Uint8Array | undefined)[],
  ): void {
    keys.forEach((key, index) => {
      const stamp = this.#versions.read(key, bytes[index])
      // A version that this process moved but could not write is not what the store says it is.
      if (stamp !== undefined && !this.#journal.holds(key)) stamps.set(key, stamp)
    })
  }

  async #readNamedVersions(
    scope: Scope,
    decoded: readonly (DecodedEntry | undefined)[],
    stamps: Map<string, Stamp>,
    budget: Budget,
  ): Promise<void> {
    const more = new Set<string>()
    for (const found of decoded) {
      if (found?.kind !== 'value') continue
      for (const mark of found.versions) {
        const ref = refOfMark(scope, mark)
        if (ref !== undefined && !stamps.has(ref.key)) more.add(ref.key)
      }
    }
    if (more.size === 0) return
    const keys = [...more]
    this.#note(stamps, keys, await budget.spend((ms) => this.#store.getMany(keys, ms)))
  }

  #judge(
    scope: Scope,
    want: Wanted,
    key: string,
    decoded: DecodedEntry | undefined,
    bytes: Uint8Array | undefined,
    stamps: Map<string, Stamp>,
    seq: number,
  ): Found {
    if (decoded === undefined || bytes === undefined)
      return { state: 'absent', stamps, occupant: undefined }
    const occupant = bytes.subarray(0, headBytes)
    // A delete of this key has not reached the store yet: what is there is what should be gone.
    if (this.#journal.holds(key)) return { state: 'absent', stamps, occupant }
    switch (decoded.kind) {
      case 'claim':
        return { state: 'claimed', stamps, stamp: decoded.stamp, beat: decoded.beat }
      case 'failed-claim':
        return { state: 'failed', stamps, occupant: headOf('failed-claim', decoded.stamp) }
      case 'value':
        break
      default:
        this.#engine.refused(want.key, decoded.kind === 'refused' ? decoded.reason : 'format')
        return { state: 'absent', stamps, occupant }
    }
    const gone = this.#whyGone(scope, decoded, stamps)
    if (gone !== undefined) {
      this.#engine.verdicts.set(want.nearKey, { gone })
      return { state: 'absent', stamps, occupant }
    }
    return {
      state: 'entry',
      stamps,
      stamp: decoded.stamp,
      entry: this.#entry(scope, want.nearKey, decoded, seq),
    }
  }

  #whyGone(
    scope: Scope,
    value: DecodedValue,
    stamps: ReadonlyMap<string, Stamp>,
  ): 'ttl' | 'clear' | `tag ${string}` | undefined {
    if (this.#engine.clock.now() >= value.expiresAt) return 'ttl'
    for (const mark of value.versions) {
      const ref = refOfMark(scope, mark)
      const stamp = ref && stamps.get(ref.key)
      if (stamp === mark.stamp) continue
      return mark.scope === 'tag' ? `tag ${mark.name.slice(mark.name.indexOf(':') + 1)}` : 'clear'
    }
    // Written by a process that knew fewer namespaces around it, or none: nothing says that it was not cleared.
    const namespaces = value.versions.filter((mark) => mark.scope === 'namespace').length
    return namespaces === namespaceRefs(scope).length ? undefined : 'clear'
  }

  /** The entry on this process's clock. Skew between the machines shifts its freshness by the skew and no more: the store ends its life. */
  #entry(scope: Scope, nearKey: string, value: DecodedValue, seq: number): Entry {
    const { clock, settings } = this.#engine
    const now = clock.monotonic()
    const ahead = now - clock.now()
    const storedAt = Math.trunc(value.storedAt + ahead)
    const staleAt = Math.trunc(value.staleAt + ahead)
    const ageAt = Math.min(Math.trunc(now + this.#maxAgeMs()), Number.MAX_SAFE_INTEGER)
    const isolated = isolate(value.value, settings.memory?.values ?? 'isolated')
    const beta = settings.policy.earlyBeta
    const earlyAt =
      staleAt <= now
        ? staleAt
        : earlyRefreshAt(
            storedAt,
            staleAt,
            value.loadMs,
            beta,
            beta > 0 && value.loadMs > 0 ? clock.random() : 0,
          )
    return new Entry({
      value: isolated.value,
      kind: isolated.copyPerHit ? 'copied' : 'shareable',
      checkAt: Math.min(earlyAt, ageAt),
      // What was invalidated while the answer was on its way finds an entry from before.
      seq,
      storedAt,
      staleAt,
      swrMs: value.staleWhileRevalidateMs,
      sieMs: value.staleIfErrorMs,
      ageAt,
      loadMs: value.loadMs,
      marks: scope.holdMarks(tagsOfMarks(value.versions)),
      bytes: entryBytes(nearKey, isolated.bytes),
      stamp: value.stamp,
    })
  }
}
