import { adopt, adoptUncounted } from '../entry/adopt.ts'
import { Entry } from '../entry/entry.ts'
import type { DecodedEntry, DecodedValue } from '../entry/envelope.ts'
import { asBuffer, headBytes, headOf, type Stamp, stampOf } from '../entry/head.ts'
import { isolate } from '../entry/isolate.ts'
import type { VersionMark } from '../entry/value-body.ts'
import type { Journal } from '../invalidation/journal.ts'
import type { Scope } from '../invalidation/scope.ts'
import { earlyRefreshAt } from '../read/early-refresh.ts'
import type { Engine } from '../read/engine.ts'
import { entryBytes } from '../read/make-entry.ts'
import type { SettledRead } from '../store/store.ts'
import type { Found } from './far-found.ts'
import type { Session, Standing } from './read-session.ts'
import type { VersionStamps } from './version-stamps.ts'
import { keyOfMark, tagsOfMarks, type VersionRef, type Versions } from './versions.ts'

/** A key whose bytes are judged. */
export interface Judged {
  readonly scope: Scope
  readonly userKey: string
  readonly nearKey: string
  /** The key in the store. */
  readonly key: string
  /** What had been invalidated in this process when the store was asked. */
  readonly seq: number
}

/** A key that somebody asks for who may want no more than a fresh value. */
export interface AskedForValue extends Judged {
  readonly wantsValue: boolean
  value: unknown
  /** Each caller gets a copy of its own. */
  isCopied: boolean
}

/** Judges what the store holds: whole, of its key, within its time, and under the versions of namespace and tags that hold now. */
export class FarJudge {
  readonly #engine: Engine
  readonly #versions: Versions
  readonly #journal: Journal<VersionRef>
  readonly #keepApart: typeof adopt

  /** A serializer of the user's own may bring anything, also what it keeps a hand on. */
  constructor(
    engine: Engine,
    versions: Versions,
    journal: Journal<VersionRef>,
    hasOwnSerializer: boolean,
  ) {
    this.#engine = engine
    this.#versions = versions
    this.#journal = journal
    this.#keepApart = hasOwnSerializer
      ? isolate
      : engine.near === undefined
        ? adoptUncounted
        : adopt
  }

  /** The store is about to be asked for these keys. */
  ask(session: Session, keys: Iterable<string>): void {
    if (this.#journal.isEmpty) return
    session.held ??= new Set()
    for (const key of keys) if (this.#journal.holds(key)) session.held.add(key)
  }

  #isHeld(session: Session, key: string): boolean {
    return this.#journal.holds(key) || session.held?.has(key) === true
  }

  /** Learns a version from what stands under its key. */
  note(session: Session, key: string, bytes: SettledRead): void {
    const version = this.#versions.read(key, bytes)
    // A version that this process moved but could not write is not what the store says it is.
    if (version !== undefined && !this.#isHeld(session, key)) session.stamps.set(key, version)
  }

  /** Where the versions stand of tags that only the entry names, as far as they are not known yet. */
  unknownTagVersions(
    scope: Scope,
    versions: readonly VersionMark[],
    stamps: ReadonlyMap<string, VersionStamps>,
    into: Set<string>,
  ): void {
    for (const mark of versions) {
      const key = mark.scope === 'tag' ? keyOfMark(scope, mark) : undefined
      if (key !== undefined && !stamps.has(key)) into.add(key)
    }
  }

  /**
   * What most reads come to, with nothing made that nobody asks for: a fresh value, for callers who want no more, where
   * no tier in memory is to keep it. False for everything else, which `judge` then finds out about.
   */
  takesFresh(session: Session, asked: AskedForValue, decoded: DecodedEntry | undefined): boolean {
    if (decoded?.kind !== 'value' || !asked.wantsValue || this.#engine.near !== undefined)
      return false
    if (this.#isHeld(session, asked.key) || !session.isPlainlyFresh(asked.scope, decoded))
      return false
    try {
      const { scope } = asked
      const { value, copyPerHit } = this.#keepApart(decoded.value, this.#engine.valueModeOf(scope))
      asked.value = value
      asked.isCopied = copyPerHit
      return true
    } catch {
      return false
    }
  }

  judge(
    session: Session,
    asked: Judged,
    decoded: DecodedEntry | undefined,
    bytes: Uint8Array | undefined | null,
  ): Found {
    const { readAt, stamps } = session
    if (decoded === undefined || !bytes)
      return { state: 'absent', readAt, stamps, occupant: undefined }
    // A delete of this key has not reached the store yet: what is there is what should be gone.
    if (this.#isHeld(session, asked.key)) return absent(session, bytes)
    switch (decoded.kind) {
      case 'claim':
        return { state: 'claimed', readAt, stamps, stamp: decoded.stamp, beat: decoded.beat }
      case 'failed-claim':
        return { state: 'failed', readAt, stamps, occupant: headOf('failed-claim', decoded.stamp) }
      case 'value':
        break
      default:
        this.#engine.refused(
          asked.scope,
          asked.userKey,
          decoded.kind === 'refused' ? decoded.reason : 'format',
        )
        return absent(session, bytes)
    }
    const standing = session.standing(asked.scope, decoded)
    if (standing.gone !== undefined) {
      this.#engine.verdicts.set(asked.nearKey, { gone: standing.gone })
      return absent(session, bytes)
    }
    try {
      const stamp = stampOf(asBuffer(bytes))
      const entry = this.#entry(session, asked, decoded, standing, stamp)
      return { state: 'entry', readAt, judgedAt: session.now, stamps, stamp, entry }
    } catch (error) {
      // A serializer of the user's own may bring what this process does not keep; the other keys have nothing to do with it.
      this.#engine.counters.codecErrors++
      this.#engine.failed('codec', error, asked.scope, asked.userKey)
      return absent(session, bytes)
    }
  }

  /** The entry on this process's clock. Skew between the machines shifts its freshness by the skew and no more: the store ends its life. */
  #entry(
    session: Session,
    asked: Judged,
    value: DecodedValue,
    { staleAt: unixStaleAt, expiredBy }: Standing,
    stamp: Stamp,
  ): Entry {
    const { clock, coarse, near, settings } = this.#engine
    const { now } = session
    const ahead = now - session.wallNow
    const storedAt = Math.trunc(value.storedAt + ahead)
    const wouldBeStaleAt = Math.trunc(unixStaleAt + ahead)
    // Whoever looks next may read a clock that is a moment old: what was expired just now must not be fresh by that.
    const staleAt =
      expiredBy === undefined ? wouldBeStaleAt : Math.min(wouldBeStaleAt, coarse.now())
    // From when the store was asked: what was invalidated while the answer was on its way is found out as soon as anything else.
    const ageAt = Math.min(Math.trunc(session.readAt + session.maxAgeMs), Number.MAX_SAFE_INTEGER)
    const isolated = this.#keepApart(value.value, this.#engine.valueModeOf(asked.scope))
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
    const entry = new Entry({
      value: isolated.value,
      kind: isolated.copyPerHit ? 'copied' : 'shareable',
      checkAt: Math.min(earlyAt, ageAt),
      // What was invalidated while the answer was on its way finds an entry from before.
      seq: asked.seq,
      storedAt,
      staleAt,
      swrMs: value.staleWhileRevalidateMs,
      sieMs: value.staleIfErrorMs,
      ageAt,
      loadMs: value.loadMs,
      marks: asked.scope.holdMarks(tagsOfMarks(value.versions)),
      bytes: near === undefined ? 0 : entryBytes(asked.nearKey, isolated.bytes),
      stamp,
    })
    entry.expiredBy = expiredBy
    return entry
  }
}

/** Nothing usable; what stands there is in the way of a claim. */
function absent({ readAt, stamps }: Session, bytes: Uint8Array): Found {
  return { state: 'absent', readAt, stamps, occupant: bytes.subarray(0, headBytes) }
}
