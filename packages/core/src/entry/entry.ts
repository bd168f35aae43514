import { releaseMarks, type TagMark } from '../invalidation/scope.ts'

/** In place of a stamp: loaded while the store was out, which says nothing against it, whatever it says. */
export const memoStamp = 'memo'

/**
 * A kept value with its times, as the near tier holds it. There may be a million of them, so each field counts; a
 * private method would cost one too. All instants are on this process's monotonic clock, in whole milliseconds, so
 * that a step of the machine's clock expires nothing and small integers need no heap.
 */
export class Entry {
  /** The value, isolated as `memory.values` asks; of a kept error, the error. */
  readonly value: unknown
  readonly kind: EntryKind
  #promise: Promise<unknown> | null | undefined = undefined
  /** Until here, and while `seq` is the fence's, a hit needs no further thought. */
  checkAt: number
  /** The last point of the family's invalidations at which this entry is known to be valid. */
  seq: number
  readonly storedAt: number
  staleAt: number
  readonly swrMs: number
  readonly sieMs: number
  /** Here the near tier looks the entry up again, however long it lives. `undefined` = never: `Infinity` would take 16 bytes of heap. */
  ageAt: number | undefined
  /** After a failed load: until here the stale value is served without another try. */
  retryAt = 0
  /** Stale because `expire()` or `expireTags()` said so, not because its ttl passed. */
  expiredBy: ExpiredBy | undefined = undefined
  /** How long the load took, in whole milliseconds, rounded up; 0 for a value that was set. */
  readonly loadMs: number
  readonly marks: readonly TagMark[] | undefined
  /** Estimated heap of key, value and bookkeeping. */
  readonly bytes: number
  /** Which envelope of the far tier this is; `undefined` or `memoStamp` if it is not there. */
  readonly stamp: string | undefined

  constructor(parts: EntryParts) {
    this.value = parts.value
    this.kind = parts.kind
    this.checkAt = parts.checkAt
    this.seq = parts.seq
    this.storedAt = parts.storedAt
    this.staleAt = parts.staleAt
    this.swrMs = parts.swrMs
    this.sieMs = parts.sieMs
    this.ageAt = parts.ageAt
    this.loadMs = Math.ceil(parts.loadMs)
    this.marks = parts.marks
    this.bytes = parts.bytes
    this.stamp = parts.stamp
  }

  /** Loaded while the store was out, and believed for a while, lest a dead store become a dead origin. */
  get isMemo(): boolean {
    return this.stamp === memoStamp
  }

  /** Gives back its marks, for an entry that is kept nowhere. */
  release(): void {
    releaseMarks(this.marks)
  }

  /**
   * One settled promise that all hits of a shareable value share, kept from the second hit on: most keys of a large
   * cache are asked for once, and a promise takes 48 bytes.
   */
  get promise(): Promise<unknown> {
    const kept = this.#promise
    if (kept) return kept
    const promise = Promise.resolve(this.value)
    this.#promise = kept === undefined ? null : promise
    return promise
  }
}

/** The call that made it stale: of its key, or of a tag of it. */
export type ExpiredBy = 'expire' | `tag ${string}`

/** Stale since `at`, if it was not before. False if it has no window in which it could be stale. */
export function expireEntry(entry: Entry, at: number, by: ExpiredBy): boolean {
  if (entry.kind === 'error' || Math.max(entry.swrMs, entry.sieMs) === 0) return false
  // A near hit may read a clock that is a moment old: from now on it takes the long way, which reads it exactly.
  entry.checkAt = Number.NEGATIVE_INFINITY
  if (at < entry.staleAt) {
    entry.staleAt = at
    entry.expiredBy = by
  }
  // A value known to be old is worth a try at once, whatever failed before.
  entry.retryAt = 0
  return true
}

/** `shareable`: handed out as it is. `copied`: a copy per hit. `error`: a loader's error, thrown again. */
export type EntryKind = 'shareable' | 'copied' | 'error'

export interface EntryParts {
  readonly value: unknown
  readonly kind: EntryKind
  readonly checkAt: number
  readonly seq: number
  readonly storedAt: number
  readonly staleAt: number
  readonly swrMs: number
  readonly sieMs: number
  readonly ageAt: number | undefined
  readonly loadMs: number
  readonly marks: readonly TagMark[] | undefined
  readonly bytes: number
  readonly stamp?: string | undefined
}

/** From here on the entry is no longer usable in any window. */
export function goneAt(entry: Entry): number {
  const windowEndsAt = entry.staleAt + Math.max(entry.swrMs, entry.sieMs)
  return entry.ageAt === undefined ? windowEndsAt : Math.min(entry.ageAt, windowEndsAt)
}
