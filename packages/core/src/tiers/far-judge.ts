import { adopt, adoptUncounted } from '../entry/adopt.ts'
import { Entry, type ExpiredBy } from '../entry/entry.ts'
import type { DecodedEntry, DecodedValue } from '../entry/envelope.ts'
import { asBuffer, headBytes, headOf, type Stamp, stampOf } from '../entry/head.ts'
import { isolate } from '../entry/isolate.ts'
import type { VersionMark } from '../entry/value-body.ts'
import type { Journal } from '../invalidation/journal.ts'
import type { Scope } from '../invalidation/scope.ts'
import { earliestRefreshAt, earlyRefreshAt } from '../read/early-refresh.ts'
import type { Engine } from '../read/engine.ts'
import { entryBytes } from '../read/make-entry.ts'
import type { SettledRead } from '../store/store.ts'
import type { Found } from './far-found.ts'
import { staleByTag, type VersionStamps } from './version-stamps.ts'
import {
  keyOfMark,
  namespaceRefs,
  tagsOfMarks,
  type VersionRef,
  type Versions,
} from './versions.ts'

/** Why a stored value is not usable any more. */
export type Gone = 'ttl' | 'clear' | `tag ${string}`

/** How a stored value stands by now. */
export interface Standing {
  /** Why it is not usable any more, if it is not. */
  readonly gone: Gone | undefined
  /** Unix milliseconds; earlier than it was stored with, if it was expired by a tag. */
  readonly staleAt: number
  readonly expiredBy: ExpiredBy | undefined
}

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

/** What all entries of one answer of the store are judged by. Each clock is read once for all of them. */
export class Session {
  readonly stamps = new Map<string, VersionStamps>()
  /** When the store was asked, on this process's monotonic clock. */
  readonly readAt: number
  /** Keys that the journal held when the store was asked: what it says of them may be from before they were made up for. */
  held: Set<string> | undefined
  now = 0
  wallNow = 0
  maxAgeMs = 0
  #scope: Scope | undefined
  #versions: readonly VersionMark[] | undefined
  #overtaken: Gone | undefined

  constructor(readAt: number) {
    this.readAt = readAt
  }

  /** All versions are known; what follows is judged at this instant. */
  begin(engine: Engine, maxAgeMs: number): void {
    this.now = engine.clock.monotonic()
    this.wallNow = engine.clock.now()
    this.maxAgeMs = maxAgeMs
  }

  #whyGone(scope: Scope, value: DecodedValue): Gone | undefined {
    if (this.wallNow >= value.expiresAt) return 'ttl'
    // Entries of one namespace name the same versions: `readValue` makes one list for those that follow each other.
    if (this.#versions !== value.versions || this.#scope !== scope) {
      this.#overtaken = whyOvertaken(scope, value.versions, this.stamps)
      this.#versions = value.versions
      this.#scope = scope
    }
    return this.#overtaken
  }

  /** Neither gone nor stale, and not in the part of its life in which a read may refresh it early. */
  isPlainlyFresh(scope: Scope, value: DecodedValue): boolean {
    const { storedAt, staleAt } = value
    const ahead = this.now - this.wallNow
    // In whole milliseconds, as entries count.
    const until = earliestRefreshAt(Math.trunc(storedAt + ahead), Math.trunc(staleAt + ahead))
    return (
      this.now < Math.trunc(until) &&
      this.now < Math.trunc(this.readAt + this.maxAgeMs) &&
      this.#whyGone(scope, value) === undefined &&
      staleByTag(scope, value, this.stamps) === undefined
    )
  }

  /** How a value stands: gone, or stale since when. */
  standing(scope: Scope, value: DecodedValue): Standing {
    const { staleAt } = value
    const gone = this.#whyGone(scope, value)
    const expired = gone === undefined ? staleByTag(scope, value, this.stamps) : undefined
    // By the clock of a machine that is ahead it may be expired in an hour from now. It is stale already.
    const at = expired === undefined ? staleAt : Math.min(expired.at, this.wallNow)
    if (expired === undefined || at >= staleAt) return { gone, staleAt, expiredBy: undefined }
    const expiredBy = `tag ${expired.tag}` as const
    const windowMs = Math.max(value.staleWhileRevalidateMs, value.staleIfErrorMs)
    return { gone: this.wallNow < at + windowMs ? undefined : expiredBy, staleAt: at, expiredBy }
  }
}

function whyOvertaken(
  scope: Scope,
  versions: readonly VersionMark[],
  stamps: ReadonlyMap<string, VersionStamps>,
): Gone | undefined {
  let namespaces = 0
  for (const mark of versions) {
    if (mark.scope === 'expiry') continue
    const key = keyOfMark(scope, mark)
    if (key === undefined || stamps.get(key)?.stamp !== mark.stamp)
      return mark.scope === 'tag' ? `tag ${mark.name.slice(mark.name.indexOf(':') + 1)}` : 'clear'
    if (mark.scope === 'namespace') namespaces++
  }
  // Written by a process that knew fewer namespaces around it, or none: nothing says that it was not cleared.
  return namespaces === namespaceRefs(scope).length ? undefined : 'clear'
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
