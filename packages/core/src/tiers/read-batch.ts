import type { Scope } from '../invalidation/scope.ts'
import type { Found } from './far-found.ts'
import type { Judged } from './far-judge.ts'
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
export class Reading implements Judged {
  readonly scope: Scope
  readonly userKey: string
  readonly nearKey: string
  readonly tags: readonly string[]
  readonly key: string
  /** What had been invalidated when it began: entries learn of what came later. */
  readonly seq: number
  resolve!: (found: Found) => void
  readonly found = new Promise<Found>((resolve) => {
    this.resolve = resolve
  })

  constructor(scope: Scope, want: Wanted, seq: number) {
    this.scope = scope
    this.userKey = want.key
    this.nearKey = want.nearKey
    this.tags = want.tags
    this.key = storeKey(scope, want.key)
    this.seq = seq
  }
}

/** Reads that go out together. */
export class Batch {
  readonly readings: Reading[] = []
  readonly byKey = new Map<string, Reading>()
  /** Keys that were invalidated while it was on its way: what it brings of them is from before. */
  voided: Set<string> | undefined
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
