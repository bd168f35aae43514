import { LRUCache } from 'lru-cache'
import type { Codec } from '../entry/codec.ts'
import { decodeEntry, encodeVersion } from '../entry/envelope.ts'
import type { VersionMark } from '../entry/value-body.ts'
import { StoreError } from '../errors.ts'
import { withExpiry } from '../invalidation/expiries.ts'
import type { Scope } from '../invalidation/scope.ts'
import type { Budget } from '../resilience/budget.ts'
import type { SettledRead, StoreEntry } from '../store/store.ts'
import type { GuardedStore } from './guarded-store.ts'
import { newStamp } from './stamps.ts'
import { namespaceVersionKey, tagEpochKey, tagVersionKey } from './store-keys.ts'
import type { VersionStamps } from './version-stamps.ts'

/** A namespace or tag whose version an entry depends on: where it stands, and how an envelope calls it. */
export interface VersionRef {
  readonly scope: 'tag' | 'namespace' | 'epoch'
  readonly name: string
  readonly key: string
}

const day = 86_400_000
/** A version that goes before the entries under it costs a load each, so it should not. */
const tagVersionTtlMs = 30 * day
const remembered = 10_000

/**
 * Versions of namespaces and tags: random stamps in the store, compared for equality only. Invalidating writes a new
 * one, expiring a stamp beside it; a missing one is added. Counting would be wrong: a counter that is evicted, or lost in a failover, starts
 * again and brings entries of its old numbers back to life.
 */
export class Versions {
  readonly #store: GuardedStore
  readonly #codec: Codec
  /** What this process saw last; used where one cannot be read. */
  readonly #lastRead = new LRUCache<string, VersionStamps>({ max: remembered })
  /** The bytes that were verified to say it. */
  readonly #bytesOf = new WeakMap<VersionStamps, Uint8Array>()
  readonly #added = new WeakMap<Budget, Map<string, Promise<VersionStamps | undefined>>>()
  readonly #beingSet = new Map<string, Promise<VersionStamps>>()

  constructor(store: GuardedStore, codec: Codec) {
    this.#store = store
    this.#codec = codec
  }

  /**
   * What a stored version says; `undefined` where there is none, or nothing that can be believed. Where it cannot be
   * read, as its server is out, the last one this process read holds.
   */
  read(key: string, bytes: SettledRead): VersionStamps | undefined {
    if (bytes === undefined) return undefined
    if (bytes === null || bytes instanceof StoreError) return this.#lastRead.get(key)
    // Each batch reads those of its namespaces, and mostly they are what they were.
    const last = this.#lastRead.get(key)
    const known = last && this.#bytesOf.get(last)
    if (known !== undefined && Buffer.compare(known, bytes) === 0) return last
    const decoded = decodeEntry(bytes, key, this.#codec)
    if (decoded instanceof Promise || decoded.kind !== 'version') return undefined
    this.#lastRead.set(key, decoded)
    this.#bytesOf.set(decoded, Uint8Array.from(bytes))
    return decoded
  }

  /**
   * `found`, and a new stamp for each of `refs` that is missing there. Whoever adds first is believed, so processes
   * agree. A version that cannot be written stays missing: what is loaded without it is not kept in the store.
   */
  async complete(
    refs: readonly VersionRef[],
    found: Map<string, VersionStamps>,
    budget: Budget,
  ): Promise<void> {
    const missing = refs.filter((ref) => !found.has(ref.key))
    if (missing.length === 0) return
    await budget.spend((ms) =>
      Promise.all(
        missing.map(async (ref) => {
          const version = await this.#addOnce(ref, budget, ms)
          if (version !== undefined) found.set(ref.key, version)
        }),
      ),
    )
  }

  /**
   * Of the keys of one call that miss a version, the first adds it and the others take it: a thousand cold keys with
   * a tag would ask for the same two versions a thousand times each. What was there earlier in the same call is at
   * worst older, and an entry under an older version is not believed.
   */
  #addOnce(ref: VersionRef, budget: Budget, ms: number): Promise<VersionStamps | undefined> {
    const { key } = ref
    const ofCall = this.#added.get(budget) ?? new Map<string, Promise<VersionStamps | undefined>>()
    this.#added.set(budget, ofCall)
    const underWay = ofCall.get(key)
    if (underWay !== undefined) return underWay
    const adding = this.#addVersion(ref, ms).then((version) => {
      // The next try of the call may do better.
      if (version === undefined) ofCall.delete(key)
      return version
    })
    ofCall.set(key, adding)
    return adding
  }

  /** Never rejects. */
  async #addVersion(ref: VersionRef, ms: number): Promise<VersionStamps | undefined> {
    const { key } = ref
    const version = newVersion()
    try {
      const bytes = encodeVersion({ key, ...version }, this.#codec)
      const ttlMs = lifeOf(ref)
      if (!this.#store.hasClaims) return await this.#setOnce(ref, version, bytes, ms)
      const there = await this.#store.add(key, bytes, { ttlMs }, ms)
      if (there === undefined) {
        this.#lastRead.set(key, version)
        return version
      }
      const read = this.read(key, there)
      if (read !== undefined) return read
      // Bytes that are no version would be in the way for ever.
      await this.#store.set(key, bytes, { ttlMs }, ms)
      return version
    } catch {
      return this.#lastRead.get(key)
    }
  }

  /**
   * For a store without `add`: of the loads of this process that miss one version at once, the first sets it and the
   * others take it. Each setting its own would leave but one of their values usable.
   */
  #setOnce(
    ref: VersionRef,
    version: VersionStamps,
    bytes: Uint8Array,
    ms: number,
  ): Promise<VersionStamps> {
    const { key } = ref
    const underWay = this.#beingSet.get(key)
    if (underWay !== undefined) return underWay
    const setting = this.#store
      .set(key, bytes, { ttlMs: lifeOf(ref) }, ms)
      .then(() => {
        this.#lastRead.set(key, version)
        return version
      })
      .finally(() => this.#beingSet.delete(key))
    this.#beingSet.set(key, setting)
    return setting
  }

  /** A new version: its bytes are to be written under `key`. */
  renew(ref: VersionRef): StoreEntry {
    return this.#written(ref, newVersion())
  }

  /** `version` with one more expiry: its bytes are to replace what begins with `headOf('version', version.stamp)`. */
  expire(ref: VersionRef, { stamp, expiries = [] }: VersionStamps, at: number): StoreEntry {
    return this.#written(ref, { stamp, expiries: withExpiry(expiries, newStamp(), at) })
  }

  #written(ref: VersionRef, version: VersionStamps): StoreEntry {
    const { key } = ref
    this.#lastRead.set(key, version)
    return { key, bytes: encodeVersion({ key, ...version }, this.#codec), ttlMs: lifeOf(ref) }
  }
}

function newVersion(): VersionStamps {
  return { stamp: newStamp() }
}

function lifeOf(ref: VersionRef): number {
  // There are few namespaces, and one that expired would empty them all at once.
  return ref.scope === 'tag' ? tagVersionTtlMs : Number.POSITIVE_INFINITY
}

const scopeRefs = new WeakMap<
  Scope,
  { readonly namespaces: readonly VersionRef[]; readonly epochs: readonly VersionRef[] }
>()

function refsOf(scope: Scope) {
  let refs = scopeRefs.get(scope)
  if (refs === undefined) {
    const each = (kind: 'namespace' | 'epoch', keyOf: (at: Scope) => string) =>
      chain(scope).map(
        (at, depth): VersionRef => ({ scope: kind, name: String(depth), key: keyOf(at) }),
      )
    refs = {
      namespaces: each('namespace', namespaceVersionKey),
      epochs: each('epoch', tagEpochKey),
    }
    scopeRefs.set(scope, refs)
  }
  return refs
}

/** The namespaces whose clearing would void an entry of this scope, outermost first. */
export function namespaceRefs(scope: Scope): readonly VersionRef[] {
  return refsOf(scope).namespaces
}

/** The tag epochs of this scope and of those around it, outermost first. */
export function epochRefs(scope: Scope): readonly VersionRef[] {
  return refsOf(scope).epochs
}

/** The versions of these tags, here and in the namespaces around. */
export function tagRefs(scope: Scope, tags: readonly string[]): readonly VersionRef[] {
  if (tags.length === 0) return []
  return chain(scope).flatMap((each, depth) =>
    tags.map(
      (tag): VersionRef => ({
        scope: 'tag',
        name: `${depth}:${tag}`,
        key: tagVersionKey(each, tag),
      }),
    ),
  )
}

/** Where the version that an envelope names stands; `undefined` for a name that is none. */
export function keyOfMark(scope: Scope, mark: VersionMark): string | undefined {
  // Every entry names its namespaces: their keys are made once, and a string that is known is found faster, too.
  if (mark.scope === 'namespace') return namespaceRefs(scope)[Number(mark.name)]?.key
  if (mark.scope !== 'tag') return undefined
  const colon = mark.name.indexOf(':')
  const at = chain(scope)[Number(mark.name.slice(0, colon))]
  return at && tagVersionKey(at, mark.name.slice(colon + 1))
}

const noTags: readonly string[] = []

/** The tags that an envelope names, each once. */
export function tagsOfMarks(marks: readonly VersionMark[]): readonly string[] {
  if (!hasTag(marks)) return noTags
  const tags = new Set<string>()
  for (const { scope, name } of marks)
    if (scope === 'tag') tags.add(name.slice(name.indexOf(':') + 1))
  return [...tags]
}

// Most entries have none; a closure for each would be the most of it.
function hasTag(marks: readonly VersionMark[]): boolean {
  for (const mark of marks) if (mark.scope === 'tag') return true
  return false
}

function chain(scope: Scope): Scope[] {
  const scopes: Scope[] = []
  for (let each: Scope | undefined = scope; each !== undefined; each = each.parent)
    scopes.unshift(each)
  return scopes
}
