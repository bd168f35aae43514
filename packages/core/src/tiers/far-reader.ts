import type { Codec } from '../entry/codec.ts'
import { type DecodedEntry, type DecodedValue, decodeEntry, readFields } from '../entry/envelope.ts'
import { StoreError } from '../errors.ts'
import type { Journal } from '../invalidation/journal.ts'
import type { Scope } from '../invalidation/scope.ts'
import type { Engine } from '../read/engine.ts'
import { countedMs } from '../resilience/budget.ts'
import type { Found } from './far-found.ts'
import { FarJudge } from './far-judge.ts'
import type { GuardedStore } from './guarded-store.ts'
import { type Batch, type Reading, versionKeysOf, type Wanted } from './read-batch.ts'
import { ReadQueue } from './read-queue.ts'
import { type Gone, Session, type Standing } from './read-session.ts'
import { storeKey } from './store-keys.ts'
import {
  keyOfMark,
  namespaceRefs,
  tagsOfMarks,
  type VersionRef,
  type Versions,
} from './versions.ts'

/** What stands under a key, and why it is not usable, if it is not. */
export interface Looked {
  readonly decoded: DecodedEntry | undefined
  readonly tags: readonly string[]
  readonly gone: 'delete' | Gone | undefined
  /** Of a value: since when it is stale, and by what, if not by its ttl. */
  readonly standing: Standing | undefined
}

const againWithinMs = 50

/**
 * Reads entries from the store. It never rejects: a store that does not answer is an answer. What they are worth is
 * found out in `far-judge.ts`, and which of them go out together in `read-queue.ts`.
 */
export class FarReader {
  /** Where keys are asked for that are to be answered together. */
  readonly queue: ReadQueue
  readonly #engine: Engine
  readonly #store: GuardedStore
  readonly #codec: Codec
  readonly #journal: Journal<VersionRef>
  readonly #judge: FarJudge
  readonly #timeoutMs: number
  readonly #maxAgeMs: () => number

  constructor(
    engine: Engine,
    store: GuardedStore,
    codec: Codec,
    versions: Versions,
    journal: Journal<VersionRef>,
    timeoutMs: number,
    maxAgeMs: () => number,
  ) {
    this.queue = new ReadQueue(engine, store, (batch) => this.#answerAll(batch))
    this.#engine = engine
    this.#store = store
    this.#codec = codec
    this.#journal = journal
    this.#judge = new FarJudge(engine, versions, journal, codec.serializer !== undefined)
    this.#timeoutMs = timeoutMs
    this.#maxAgeMs = maxAgeMs
  }

  /** What the store has under a key. An entry is put into the near tier on its way. */
  read(scope: Scope, want: Wanted): Promise<Found> {
    const reading = this.queue.ask(scope, want.key, want.nearKey, want.tags, false)
    return reading.batch.answered.then(() => reading.found)
  }

  /** As `read`, and once more where an invalidation overtook it: for those who do not load, and so do not look again. */
  async readLatest(scope: Scope, want: Wanted): Promise<Found> {
    const found = await this.read(scope, want)
    if (found.state !== 'absent' || found.overtaken === undefined) return found
    // A second answer may take as long as the first was given: a slow store is not asked for one.
    const isLate = this.#engine.clock.monotonic() - found.readAt > againWithinMs
    return isLate ? found : this.read(scope, want)
  }

  async #answerAll(batch: Batch): Promise<void> {
    const { readings } = batch
    const session = new Session(this.#engine.clock.monotonic())
    const versionKeys = versionKeysOf(readings)
    const keys: string[] = []
    for (const { key } of readings) keys.push(key)
    for (const key of versionKeys) keys.push(key)
    this.#judge.ask(session, keys)
    const all = await this.#store.getMany(keys, this.#timeoutMs)
    let index = readings.length
    for (const key of versionKeys) this.#judge.note(session, key, all[index++])
    let anyLater = false
    const decoding: (DecodedEntry | Promise<DecodedEntry> | undefined)[] = []
    for (let at = 0; at < readings.length; at++) {
      const bytes = all[at]
      const { key } = readings[at] as Reading
      const decoded =
        bytes instanceof Uint8Array ? decodeEntry(bytes, key, this.#codec, true) : undefined
      anyLater ||= decoded instanceof Promise
      decoding.push(decoded)
    }
    const decoded = anyLater
      ? await Promise.all(decoding)
      : (decoding as (DecodedEntry | undefined)[])
    const named = this.#unknownTagVersions(session, readings, decoded)
    if (named !== undefined) await this.#readTagVersions(session, named)
    session.begin(this.#engine, this.#maxAgeMs())
    let failure: StoreError | undefined
    for (let at = 0; at < readings.length; at++) {
      const read = all[at]
      const reading = readings[at] as Reading
      if (
        !this.#isOvertaken(batch, reading) &&
        this.#judge.takesFresh(session, reading, decoded[at])
      )
        continue
      if (read instanceof StoreError) {
        // Its server is out: as far as this key goes, the store is.
        failure ??= read
      } else {
        this.#answer(batch, reading, this.#judge.judge(session, reading, decoded[at], read))
      }
    }
    if (failure !== undefined) this.#engine.storeFailed('get', failure)
  }

  /** Where the versions stand of tags that only the entries name. */
  #unknownTagVersions(
    session: Session,
    readings: readonly Reading[],
    decoded: readonly (DecodedEntry | undefined)[],
  ): ReadonlySet<string> | undefined {
    let named: Set<string> | undefined
    let last: DecodedValue['versions'] | undefined
    for (let at = 0; at < decoded.length; at++) {
      const found = decoded[at]
      // Without tags, entries that follow each other have one list.
      if (found?.kind !== 'value' || found.versions === last) continue
      last = found.versions
      named ??= new Set()
      const { scope } = readings[at] as Reading
      this.#judge.unknownTagVersions(scope, last, session.stamps, named)
    }
    return named === undefined || named.size === 0 ? undefined : named
  }

  /** One more round trip for all of them. */
  async #readTagVersions(session: Session, named: ReadonlySet<string>): Promise<void> {
    const tookMs = this.#engine.clock.monotonic() - session.readAt
    const keys = [...named]
    this.#judge.ask(session, keys)
    const more = await this.#store.getMany(
      keys,
      this.#timeoutMs - countedMs(tookMs, this.#timeoutMs),
    )
    keys.forEach((key, at) => {
      this.#judge.note(session, key, more[at])
    })
  }

  #answer(batch: Batch, reading: Reading, found: Found): void {
    if (found.state !== 'out' && this.#isOvertaken(batch, reading)) {
      if (found.state === 'entry') found.entry.release()
      // Neither the value nor the versions are believed; whoever loads finds what is there now when it claims the key.
      const { readAt } = found
      reading.found = {
        state: 'absent',
        readAt,
        stamps: new Map(),
        occupant: undefined,
        overtaken: true,
      }
      return
    }
    if (found.state === 'entry') {
      const { scope, seq, nearKey } = reading
      const { near, fence } = this.#engine
      // Which tags it has nobody knew when the read began, and so nobody held their marks: any tag of the namespaces
      // keeps it out of the near tier. Its callers began before that; were they refused, too, nothing tagged could be
      // read where tags are invalidated all the time.
      const mayBeTouched =
        found.entry.marks !== undefined && fence.seq !== seq && scope.tagsTouchedSince(seq)
      if (near !== undefined && !scope.isOff && !mayBeTouched) near.set(nearKey, found.entry)
      else found.entry.release()
    }
    reading.found = found
  }

  /** Whether its key or namespace was invalidated since a read began: its answer may be from before. */
  #isOvertaken({ voided }: Batch, { scope, seq, nearKey }: Reading): boolean {
    if (voided?.has(nearKey)) return true
    return this.#engine.fence.seq !== seq && scope.clearedSince(seq)
  }

  /** As `read`, for `explain`: nothing is counted, kept or handed out. @throws StoreError, as a rejection. */
  async look(scope: Scope, key: string): Promise<Looked> {
    const name = storeKey(scope, key)
    const refs = namespaceRefs(scope).map((ref) => ref.key)
    const session = new Session(this.#engine.clock.monotonic())
    this.#judge.ask(session, [name, ...refs])
    const [bytes, ...versions] = await this.#store.getMany([name, ...refs], this.#timeoutMs)
    refs.forEach((ref, at) => {
      this.#judge.note(session, ref, versions[at])
    })
    const decoded =
      bytes instanceof Uint8Array ? await decodeEntry(bytes, name, this.#codec) : undefined
    if (decoded?.kind !== 'value')
      return { decoded, tags: [], gone: undefined, standing: undefined }
    const tags = decoded.versions.flatMap((mark) =>
      mark.scope === 'tag' ? (keyOfMark(scope, mark) ?? []) : [],
    )
    this.#judge.ask(session, tags)
    const more = tags.length > 0 ? await this.#store.getMany(tags, this.#timeoutMs) : []
    tags.forEach((ref, at) => {
      this.#judge.note(session, ref, more[at])
    })
    session.begin(this.#engine, 0)
    // A delete of this key has not reached the store yet.
    const standing = session.standing(scope, decoded)
    const gone = this.#journal.holds(name) ? 'delete' : standing.gone
    return { decoded, tags: tagsOfMarks(decoded.versions), gone, standing }
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
}
