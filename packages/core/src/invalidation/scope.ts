import { LRUCache } from 'lru-cache'
import type { ValueMode } from '../entry/isolate.ts'
import { type Expiry, withExpiry } from './expiries.ts'

/**
 * Where a namespace, and everything in it, was last invalidated. Invalidations of a cache and all its namespaces
 * are counted by one sequence (`Fence.seq`), so "is this entry older than that clear?" is one comparison of
 * integers, and a hit while nothing was invalidated is a single one for everything together.
 *
 * Nothing is enumerated: clearing moves `clearedSeq`, invalidating a tag moves its mark, and entries find out when
 * they are next looked at. A mark lives exactly as long as an entry or a load holds it, so the number of marks is
 * bounded by what is kept, not by the tags ever seen. A load that names a tag only at its end held no mark of it
 * meanwhile: `tagSeq`, the last invalidation of any tag here, decides for it.
 */
export class Scope {
  readonly parent: Scope | undefined
  readonly name: string
  /** Unlike any other scope's, also of an earlier one of the same name; prefix of this scope's keys in the near tier. */
  readonly prefix: string
  readonly #fence: Fence
  readonly #marks = new Map<string, TagMark>()
  readonly #children = new Map<string, WeakRef<Scope>>()
  clearedSeq = 0
  tagSeq = 0
  /** How values kept here are kept apart from their callers; `undefined`: as the cache says. */
  values: ValueMode | undefined
  #sensitive = false
  #off = false
  closed = false

  constructor(fence: Fence, parent: Scope | undefined, name: string) {
    this.parent = parent
    this.name = name
    this.#fence = fence
    this.values = parent?.values
    this.prefix = parent === undefined ? '' : `\0${(fence.scopes++).toString(36)}\0`
  }

  /** The scope of a namespace inside this one: the same one for as long as anything uses it. */
  child(name: string): Scope {
    let scope = this.#children.get(name)?.deref()
    if (scope === undefined || scope.closed) {
      scope = new Scope(this.#fence, this, name)
      this.#children.set(name, new WeakRef(scope))
      this.#fence.forgotten.register(scope, { children: this.#children, name })
    }
    // Names used inline, `cache.namespace(tenant).wrap(…)`, should not lose their entries to the garbage collector.
    this.#fence.recent.set(scope.prefix, scope)
    return scope
  }

  /** For good: what was once declared so may not be told later either. */
  declareSensitive(): void {
    this.#sensitive = true
    this.#fence.anySensitive = true
  }

  /** Its keys and tags are told to nobody: this was said of it, or of one around it. */
  get isSensitive(): boolean {
    for (let scope: Scope | undefined = this; scope !== undefined; scope = scope.parent) {
      if (scope.#sensitive) return true
    }
    return false
  }

  /** Everything kept here and in the namespaces inside was kept before this moment and is gone. */
  clear(): void {
    this.clearedSeq = ++this.#fence.seq
  }

  /** Switched off, here or around: nothing is read and nothing kept. */
  get isOff(): boolean {
    for (let scope: Scope | undefined = this; scope !== undefined; scope = scope.parent) {
      if (scope.#off) return true
    }
    return false
  }

  /** Switching off drops what is kept, so that switching on serves nothing old; loads under way are not kept either. */
  switch(on: boolean): void {
    if (!on && !this.#off) this.clear()
    this.#off = !on
  }

  get isClosed(): boolean {
    for (let scope: Scope | undefined = this; scope !== undefined; scope = scope.parent) {
      if (scope.closed) return true
    }
    return false
  }

  /** Everything kept here and in the namespaces inside under one of these tags is gone. */
  invalidateTags(tags: readonly string[]): void {
    if (tags.length === 0) return
    this.tagSeq = ++this.#fence.seq
    for (const tag of tags) {
      const mark = this.#marks.get(tag)
      if (mark !== undefined) mark.invalidatedSeq = this.tagSeq
    }
  }

  /** Everything kept here and in the namespaces inside under one of these tags is stale since `at`. */
  expireTags(tags: readonly string[], at: number): void {
    if (tags.length === 0) return
    this.tagSeq = ++this.#fence.seq
    for (const tag of tags) {
      const mark = this.#marks.get(tag)
      if (mark !== undefined) mark.expiries = withExpiry(mark.expiries, this.tagSeq, at)
    }
  }

  /** Marks of these tags in this scope and in those around it; to be given back with `releaseMarks`. */
  holdMarks(tags: readonly string[]): readonly TagMark[] | undefined {
    if (tags.length === 0) return undefined
    const held: TagMark[] = []
    for (let scope: Scope | undefined = this; scope !== undefined; scope = scope.parent) {
      for (const tag of tags) held.push(scope.#hold(tag))
    }
    return held
  }

  #hold(tag: string): TagMark {
    let mark = this.#marks.get(tag)
    if (mark === undefined) {
      mark = { tag, marks: this.#marks, invalidatedSeq: 0, expiries: none, holders: 0 }
      this.#marks.set(tag, mark)
    }
    mark.holders++
    return mark
  }

  /** Number of tags that something holds here; for tests of boundedness. */
  get heldTags(): number {
    return this.#marks.size
  }

  /** Whether this scope or one around it was cleared after `seq`. */
  clearedSince(seq: number): boolean {
    for (let scope: Scope | undefined = this; scope !== undefined; scope = scope.parent) {
      if (scope.clearedSeq > seq) return true
    }
    return false
  }

  /** Whether any tag of this scope or of one around it was invalidated or expired after `seq`. */
  tagsTouchedSince(seq: number): boolean {
    for (let scope: Scope | undefined = this; scope !== undefined; scope = scope.parent) {
      if (scope.tagSeq > seq) return true
    }
    return false
  }

  /** Whether this scope is `other` or inside it. */
  isWithin(other: Scope): boolean {
    for (let scope: Scope | undefined = this; scope !== undefined; scope = scope.parent) {
      if (scope === other) return true
    }
    return false
  }
}

const none: readonly Expiry<number>[] = []

/** The invalidations of one tag in one scope, shared by all entries and loads that carry it. */
export interface TagMark {
  readonly tag: string
  readonly marks: Map<string, TagMark>
  invalidatedSeq: number
  /** By their place in the fence's sequence, monotonic. */
  expiries: readonly Expiry<number>[]
  holders: number
}

export function releaseMarks(marks: readonly TagMark[] | undefined): void {
  if (marks === undefined) return
  for (const mark of marks) {
    if (--mark.holders === 0) mark.marks.delete(mark.tag)
  }
}

/** The mark that was invalidated after `seq`, if one was. */
export function touchedMark(
  marks: readonly TagMark[] | undefined,
  seq: number,
): TagMark | undefined {
  return marks?.find((mark) => mark.invalidatedSeq > seq)
}

/** Whether one was invalidated or expired after `seq`. */
export function isTouched(marks: readonly TagMark[] | undefined, seq: number): boolean {
  return touchedMark(marks, seq) !== undefined || expiredMark(marks, seq) !== undefined
}

/** Since when what was loaded at `seq` is stale because a tag of it was expired, and which; `undefined` if none was. */
export function expiredMark(
  marks: readonly TagMark[] | undefined,
  seq: number,
): { readonly tag: string; readonly at: number } | undefined {
  let first: { readonly tag: string; readonly at: number } | undefined
  for (const { tag, expiries } of marks ?? []) {
    const at = expiries.find(({ id }) => id > seq)?.at
    if (at !== undefined && (first === undefined || at < first.at)) first = { tag, at }
  }
  return first
}

/** How many namespaces keep their place although nothing but their name is held. */
const recentScopes = 1_000

/** The one sequence of a cache and all its namespaces. */
export class Fence {
  /** Moves with each clear, tag invalidation and switching off; never goes back. */
  seq = 1
  scopes = 1
  /** Anything here was declared sensitive. */
  anySensitive = false
  readonly recent = new LRUCache<string, Scope>({ max: recentScopes })
  readonly forgotten = new FinalizationRegistry<{
    children: Map<string, WeakRef<Scope>>
    name: string
  }>(({ children, name }) => {
    // A new scope of the same name may have taken the place before the old one was collected.
    if (children.get(name)?.deref() === undefined) children.delete(name)
  })
}
