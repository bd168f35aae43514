import type { Told } from './journal.ts'

/** How far back a change of the primary can undo what it acknowledged, with room to spare. */
const spanMs = 60_000

/** What a store has acknowledged: that a key is gone or set anew, or that a version is another one. */
export interface Acknowledged<Version> {
  readonly key: string
  readonly told: Told | undefined
  /** `undefined`: the key was deleted, expired or set. */
  readonly version: Version | undefined
  /** Set: what it replaced is voided by it, too. */
  readonly isSet: boolean
}

/**
 * Invalidations that a store acknowledged within the last minute. Replicas follow their primary a moment later, so a
 * change of the primary can undo the last of them: then all are made once more. Bounded: where there were more deletes
 * than fit, everything has to be voided. A `set` that does not fit is forgotten: what it replaced may come back.
 */
export class RecentInvalidations<Version> {
  readonly #most: number
  /** The oldest first. */
  readonly #notes = new Map<string, { readonly at: number; readonly what: Acknowledged<Version> }>()
  #forgotAt = Number.NEGATIVE_INFINITY

  constructor(most: number) {
    this.#most = most
  }

  get size(): number {
    return this.#notes.size
  }

  note(what: Acknowledged<Version>, now: number): void {
    const before = this.#notes.get(what.key)
    this.#notes.delete(what.key)
    // A delete that was followed by a set is still to be made up for.
    const isSet = what.isSet && (before === undefined || before.what.isSet)
    this.#notes.set(what.key, { at: now, what: isSet === what.isSet ? what : { ...what, isSet } })
    for (const [key, { at, what: oldest }] of this.#notes) {
      const isOver = now - at > spanMs
      if (!isOver && this.#notes.size <= this.#most) break
      if (!isOver && !oldest.isSet) this.#forgotAt = at
      this.#notes.delete(key)
    }
  }

  /** All of the last minute, to be made once more; `isWhole`: nothing is missing that would have to be. */
  lastMinute(now: number): { readonly all: Acknowledged<Version>[]; readonly isWhole: boolean } {
    const all: Acknowledged<Version>[] = []
    for (const { at, what } of this.#notes.values()) if (now - at <= spanMs) all.push(what)
    return { all, isWhole: now - this.#forgotAt > spanMs }
  }
}
