import type { Scope } from '../invalidation/scope.ts'
import { type Found, out } from './far-found.ts'
import type { AskedForValue } from './far-judge.ts'
import { storeKey } from './store-keys.ts'
import { epochRefs, namespaceRefs, tagRefs } from './versions.ts'

/** A key to look for. */
export interface Wanted {
  readonly key: string
  readonly nearKey: string
  /** Tags the caller expects: their versions come with the value, in one round trip. */
  readonly tags: readonly string[]
}

/** One key of a batch, and who asked for it. */
export class Reading implements AskedForValue {
  readonly scope: Scope
  readonly userKey: string
  readonly nearKey: string
  readonly tags: readonly string[]
  readonly key: string
  /** What had been invalidated when it began: entries learn of what came later. */
  readonly seq: number
  readonly batch: Batch
  /** All who wait for it answer with a value that is fresh, and need not know anything else about it. */
  wantsValue: boolean
  /** Such a value, if there was one; else what was found says `found`, which is out until the answer is there. */
  value: unknown = undefined
  isCopied = false
  found: Found = out

  constructor(
    scope: Scope,
    key: string,
    nearKey: string,
    tags: readonly string[],
    wantsValue: boolean,
    seq: number,
    batch: Batch,
  ) {
    this.scope = scope
    this.userKey = key
    this.nearKey = nearKey
    this.tags = tags
    this.wantsValue = wantsValue
    this.key = storeKey(scope, key)
    this.seq = seq
    this.batch = batch
  }
}

/** Reads that go out together. */
export class Batch {
  settle!: () => void
  /**
   * All of them have their answers. Never rejects. Whoever waits for a key chains to this one promise: one for each key
   * would cost more than all of the key's own bookkeeping.
   */
  readonly answered = new Promise<void>((resolve) => {
    this.settle = resolve
  })
  readonly readings: Reading[] = []
  /** When its first key was asked for, monotonic; its others were in the same turn of the event loop. */
  readonly begunAt: number
  /** Somebody hears how long calls take: then the turn is no answer to when they began. */
  readonly isTimed: boolean
  readonly byKey = new Map<string, Reading>()
  /** Keys that were invalidated while it was on its way: what it brings of them is from before. */
  voided: Set<string> | undefined

  constructor(begunAt: number, isTimed: boolean) {
    this.begunAt = begunAt
    this.isTimed = isTimed
  }
}

/** Versions that come with the values: of their namespaces, of the tags that callers expect, and the tag epochs. */
export function versionKeysOf(readings: readonly Reading[]): Set<string> {
  const keys = new Set<string>()
  let last: Scope | undefined
  for (const { scope, tags } of readings) {
    if (scope !== last) {
      for (const ref of namespaceRefs(scope)) keys.add(ref.key)
      for (const ref of epochRefs(scope)) keys.add(ref.key)
      last = scope
    }
    if (tags.length > 0) for (const ref of tagRefs(scope, tags)) keys.add(ref.key)
  }
  return keys
}
