import { whenTurnEnds } from '../clock.ts'
import { adopt } from '../entry/adopt.ts'
import type { Codec } from '../entry/codec.ts'
import { Entry } from '../entry/entry.ts'
import { type DecodedEntry, type DecodedValue, decodeEntry, readFields } from '../entry/envelope.ts'
import { headBytes, headOf, type Stamp } from '../entry/head.ts'
import { isolate } from '../entry/isolate.ts'
import { StoreError } from '../errors.ts'
import type { Journal } from '../invalidation/journal.ts'
import type { Scope } from '../invalidation/scope.ts'
import { earlyRefreshAt } from '../read/early-refresh.ts'
import type { Engine } from '../read/engine.ts'
import { entryBytes } from '../read/make-entry.ts'
import { countedMs } from '../resilience/budget.ts'
import type { SettledRead } from '../store/store.ts'
import type { Found } from './far-found.ts'
import type { GuardedStore } from './guarded-store.ts'
import { storeKey } from './store-keys.ts'
import {
  epochRefs,
  keyOfMark,
  namespaceRefs,
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

/** What stands under a key, and why it is not usable, if it is not. */
export interface Looked {
  readonly decoded: DecodedEntry | undefined
  readonly tags: readonly string[]
  readonly gone: 'delete' | 'ttl' | 'clear' | `tag ${string}` | undefined
}

/** One read on its way. An invalidation may overtake it; several of one key form a chain, the latest first. */
class Reading {
  readonly scope: Scope
  readonly want: Wanted
  readonly key: string
  /** What had been invalidated when it began: entries learn of what came later. */
  readonly seq: number
  before: Reading | undefined
  isSent = false
  isDone = false
  voided = false
  resolve!: (found: Found) => void
  readonly found = new Promise<Found>((resolve) => {
    this.resolve = resolve
  })

  constructor(scope: Scope, want: Wanted, seq: number, before: Reading | undefined) {
    this.scope = scope
    this.want = want
    this.key = storeKey(scope, want.key)
    this.seq = seq
    this.before = before
  }
}

/** So many keys are asked for at once at most: an answer should not grow without bound. */
const mostInBatch = 1_000
const out: Found = { state: 'out' }

/**
 * Reads entries from the store and judges them: whole, of this key, within their time, and under the versions of
 * namespace and tags that hold now. It never rejects: a store that does not answer is an answer.
 *
 * Reads of one turn of the event loop go out together, with each version once. Batching by microtask alone would
 * look as good in a closed loop and lose to single reads where each request comes in a turn of its own; so with
 * nothing under way a read goes out at once, else with the others when the turn ends.
 */
export class FarReader {
  readonly #engine: Engine
  readonly #store: GuardedStore
  readonly #codec: Codec
  readonly #versions: Versions
  readonly #journal: Journal<VersionRef>
  readonly #timeoutMs: number
  readonly #maxAgeMs: () => number
  readonly #reads = new Map<string, Reading>()
  #queue: Reading[] = []
  #underWay = 0

  constructor(
    engine: Engine,
    store: GuardedStore,
    codec: Codec,
    versions: Versions,
    journal: Journal<VersionRef>,
    timeoutMs: number,
    maxAgeMs: () => number,
  ) {
    this.#engine = engine
    this.#store = store
    this.#codec = codec
    this.#versions = versions
    this.#journal = journal
    this.#timeoutMs = timeoutMs
    this.#maxAgeMs = maxAgeMs
  }

  /**
   * What the store has under a key. A read that has not been sent is shared; one that has been may be from before an
   * invalidation that a later caller knows of. An entry is put into the near tier on its way.
   */
  read(scope: Scope, want: Wanted): Promise<Found> {
    if (!this.#store.isUsable) return Promise.resolve(out)
    const { seq } = this.#engine.fence
    const { nearKey } = want
    const latest = this.#reads.get(nearKey)
    if (latest !== undefined && !latest.isSent && latest.seq === seq && want.tags.length === 0) {
      return latest.found
    }
    const reading = new Reading(scope, want, seq, latest)
    // A key that is read all the time would otherwise hold on to reads that are long done.
    for (let each: Reading | undefined = reading; each !== undefined; each = each.before) {
      while (each.before?.isDone) each.before = each.before.before
    }
    this.#reads.set(nearKey, reading)
    if (this.#queue.push(reading) === 1) {
      if (this.#underWay === 0) process.nextTick(() => this.#send())
      else whenTurnEnds(() => this.#send())
    } else if (this.#queue.length === mostInBatch) this.#send()
    return reading.found
  }

  /** What is being read of this key now is from before an invalidation. */
  void(nearKey: string): void {
    for (let reading = this.#reads.get(nearKey); reading !== undefined; reading = reading.before) {
      reading.voided = true
    }
    this.#reads.delete(nearKey)
  }

  get pending(): number {
    return this.#reads.size
  }

  #send(): void {
    const batch = this.#queue
    if (batch.length === 0) return
    this.#queue = []
    this.#underWay++
    for (const reading of batch) reading.isSent = true
    this.#fetch(batch)
      .catch((error: unknown) => {
        this.#engine.storeFailed('get', error)
        for (const reading of batch) this.#answer(reading, out)
      })
      .finally(() => {
        this.#underWay--
      })
  }

  async #fetch(batch: readonly Reading[]): Promise<void> {
    const since = this.#engine.clock.monotonic()
    const versionKeys = new Set<string>()
    for (const { scope, want } of batch) {
      for (const ref of namespaceRefs(scope)) versionKeys.add(ref.key)
      for (const ref of epochRefs(scope)) versionKeys.add(ref.key)
      if (want.tags.length > 0)
        for (const ref of tagRefs(scope, want.tags)) versionKeys.add(ref.key)
    }
    const keys = batch.map(({ key }) => key)
    keys.push(...versionKeys)
    const all = await this.#store.getMany(keys, this.#timeoutMs)
    const stamps = new Map<string, Stamp>()
    let index = batch.length
    for (const key of versionKeys) this.#note(stamps, key, all[index++])
    let anyLater = false
    const decoding = batch.map(({ key }, at) => {
      const bytes = all[at]
      const decoded = bytes instanceof Uint8Array ? decodeEntry(bytes, key, this.#codec) : undefined
      anyLater ||= decoded instanceof Promise
      return decoded
    })
    const decoded = anyLater
      ? await Promise.all(decoding)
      : (decoding as (DecodedEntry | undefined)[])
    const named = this.#namedVersions(batch, decoded, stamps)
    if (named.length > 0) {
      // Tags that only the entries name: one more round trip for all of them.
      const tookMs = this.#engine.clock.monotonic() - since
      const leftMs = this.#timeoutMs - countedMs(tookMs, this.#timeoutMs)
      const more = await this.#store.getMany(named, leftMs)
      named.forEach((key, at) => {
        this.#note(stamps, key, more[at])
      })
    }
    batch.forEach((reading, at) => {
      const read = all[at]
      // Its server is out: as far as this key goes, the store is.
      if (read instanceof StoreError) this.#answer(reading, out)
      else this.#answer(reading, this.#judge(reading, decoded[at], read, stamps, since))
    })
    const failure = all.find((read) => read instanceof StoreError)
    if (failure !== undefined) this.#engine.storeFailed('get', failure)
  }

  #answer(reading: Reading, found: Found): void {
    const { scope, want } = reading
    reading.isDone = true
    let first = this.#reads.get(want.nearKey)
    while (first?.isDone) first = first.before
    if (first === undefined) this.#reads.delete(want.nearKey)
    else this.#reads.set(want.nearKey, first)
    if (found.state !== 'out' && this.#isOvertaken(reading)) {
      if (found.state === 'entry') found.entry.release()
      // Neither the value nor the versions are believed; whoever loads finds what is there now when it claims the key.
      const { readAt } = found
      reading.resolve({ state: 'absent', readAt, stamps: new Map(), occupant: undefined })
      return
    }
    if (found.state === 'entry') {
      const { near, fence } = this.#engine
      // Which tags it has nobody knew when the read began, and so nobody held their marks: any tag of the namespaces
      // keeps it out of the near tier. Its callers began before that; were they refused, too, nothing tagged could be
      // read where tags are invalidated all the time.
      const mayBeTouched =
        found.entry.marks !== undefined &&
        fence.seq !== reading.seq &&
        scope.tagsTouchedSince(reading.seq)
      if (near !== undefined && !scope.isOff && !mayBeTouched) near.set(want.nearKey, found.entry)
      else found.entry.release()
    }
    reading.resolve(found)
  }

  /** Whether its key or namespace was invalidated since a read began: its answer may be from before. */
  #isOvertaken({ scope, seq, voided }: Reading): boolean {
    return voided || (this.#engine.fence.seq !== seq && scope.clearedSince(seq))
  }

  /** As `read`, for `explain`: nothing is counted, kept or handed out. @throws StoreError, as a rejection. */
  async look(scope: Scope, key: string): Promise<Looked> {
    const name = storeKey(scope, key)
    const refs = namespaceRefs(scope).map((ref) => ref.key)
    const [bytes, ...versions] = await this.#store.getMany([name, ...refs], this.#timeoutMs)
    const stamps = new Map<string, Stamp>()
    refs.forEach((ref, at) => {
      this.#note(stamps, ref, versions[at])
    })
    const decoded =
      bytes instanceof Uint8Array ? await decodeEntry(bytes, name, this.#codec) : undefined
    if (decoded?.kind !== 'value') return { decoded, tags: [], gone: undefined }
    const tags = decoded.versions.flatMap((mark) =>
      mark.scope === 'tag' ? (keyOfMark(scope, mark) ?? []) : [],
    )
    const more = tags.length > 0 ? await this.#store.getMany(tags, this.#timeoutMs) : []
    tags.forEach((ref, at) => {
      this.#note(stamps, ref, more[at])
    })
    // A delete of this key has not reached the store yet.
    const gone = this.#journal.holds(name) ? 'delete' : this.#whyGone(scope, decoded, stamps)
    return { decoded, tags: tagsOfMarks(decoded.versions), gone }
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

  #note(stamps: Map<string, Stamp>, key: string, bytes: SettledRead): void {
    const stamp = this.#versions.read(key, bytes)
    // A version that this process moved but could not write is not what the store says it is.
    if (stamp !== undefined && !this.#journal.holds(key)) stamps.set(key, stamp)
  }

  #namedVersions(
    batch: readonly Reading[],
    decoded: readonly (DecodedEntry | undefined)[],
    stamps: ReadonlyMap<string, Stamp>,
  ): string[] {
    const named = new Set<string>()
    decoded.forEach((found, at) => {
      if (found?.kind !== 'value') return
      for (const mark of found.versions) {
        const key = mark.scope === 'tag' ? keyOfMark((batch[at] as Reading).scope, mark) : undefined
        if (key !== undefined && !stamps.has(key)) named.add(key)
      }
    })
    return [...named]
  }

  #judge(
    { scope, want, key, seq }: Reading,
    decoded: DecodedEntry | undefined,
    bytes: Uint8Array | undefined | null,
    stamps: Map<string, Stamp>,
    readAt: number,
  ): Found {
    if (decoded === undefined || !bytes)
      return { state: 'absent', readAt, stamps, occupant: undefined }
    const absent = (): Found => ({
      state: 'absent',
      readAt,
      stamps,
      occupant: bytes.subarray(0, headBytes),
    })
    // A delete of this key has not reached the store yet: what is there is what should be gone.
    if (this.#journal.holds(key)) return absent()
    switch (decoded.kind) {
      case 'claim':
        return { state: 'claimed', readAt, stamps, stamp: decoded.stamp, beat: decoded.beat }
      case 'failed-claim':
        return { state: 'failed', readAt, stamps, occupant: headOf('failed-claim', decoded.stamp) }
      case 'value':
        break
      default:
        this.#engine.refused(
          scope,
          want.key,
          decoded.kind === 'refused' ? decoded.reason : 'format',
        )
        return absent()
    }
    const gone = this.#whyGone(scope, decoded, stamps)
    if (gone !== undefined) {
      this.#engine.verdicts.set(want.nearKey, { gone })
      return absent()
    }
    try {
      const entry = this.#entry(scope, want.nearKey, decoded, seq, readAt)
      return { state: 'entry', readAt, stamps, stamp: decoded.stamp, entry }
    } catch (error) {
      // A serializer of the user's own may bring what this process does not keep; the other keys have nothing to do with it.
      this.#engine.counters.codecErrors++
      this.#engine.failed('codec', error, scope, want.key)
      return absent()
    }
  }

  #whyGone(
    scope: Scope,
    value: DecodedValue,
    stamps: ReadonlyMap<string, Stamp>,
  ): 'ttl' | 'clear' | `tag ${string}` | undefined {
    if (this.#engine.clock.now() >= value.expiresAt) return 'ttl'
    let namespaces = 0
    for (const mark of value.versions) {
      const key = keyOfMark(scope, mark)
      if (key === undefined || stamps.get(key) !== mark.stamp)
        return mark.scope === 'tag' ? `tag ${mark.name.slice(mark.name.indexOf(':') + 1)}` : 'clear'
      if (mark.scope === 'namespace') namespaces++
    }
    // Written by a process that knew fewer namespaces around it, or none: nothing says that it was not cleared.
    return namespaces === namespaceRefs(scope).length ? undefined : 'clear'
  }

  /** The entry on this process's clock. Skew between the machines shifts its freshness by the skew and no more: the store ends its life. */
  #entry(scope: Scope, nearKey: string, value: DecodedValue, seq: number, readAt: number): Entry {
    const { clock, settings } = this.#engine
    const now = clock.monotonic()
    const ahead = now - clock.now()
    const storedAt = Math.trunc(value.storedAt + ahead)
    const staleAt = Math.trunc(value.staleAt + ahead)
    // From when the store was asked: what was invalidated while the answer was on its way is found out as soon as anything else.
    const ageAt = Math.min(Math.trunc(readAt + this.#maxAgeMs()), Number.MAX_SAFE_INTEGER)
    // A serializer of the user's own may bring anything, also what it keeps a hand on.
    const keepApart = this.#codec.serializer === undefined ? adopt : isolate
    const isolated = keepApart(value.value, this.#engine.valueModeOf(scope))
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
