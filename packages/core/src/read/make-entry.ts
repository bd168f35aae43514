import { Entry, type EntryKind } from '../entry/entry.ts'
import { scalarHeapBytes } from '../entry/heap-bytes.ts'
import type { Scope } from '../invalidation/scope.ts'
import type { EntryPolicy } from '../options/entry-policy.ts'
import { earlyRefreshAt } from './early-refresh.ts'
import type { Engine } from './engine.ts'

/**
 * Heap of an entry besides its key and value: itself (152), its promise (48), its place in the near tier's lists (36)
 * and map (28, and 56 where the map has just grown), and 32 where it never expires, since `Infinity` is a number on the
 * heap. With all of these 324 were measured.
 */
const overheadBytes = 328

/** Estimated heap of an entry whose value takes `valueBytes`. */
export function entryBytes(nearKey: string, valueBytes: number): number {
  return Math.ceil(overheadBytes + scalarHeapBytes(nearKey) + valueBytes)
}

export interface NewEntry {
  readonly value: unknown
  readonly kind: EntryKind
  readonly bytes: number
  /** How long it is fresh, jitter included. */
  readonly freshMs: number
  readonly loadMs: number
  readonly tags: readonly string[]
  readonly policy: EntryPolicy
  /** See `Entry.stamp`. */
  readonly stamp?: string | undefined
  /** How long the near tier believes it without asking again. Default: `memory.maxAge`. */
  readonly maxAgeMs?: number | undefined
}

/** A ttl shortened by its jitter; never lengthened. */
export function jittered(engine: Engine, wantedMs: number, policy: EntryPolicy): number {
  const { maxLifeMs, swrMs, sieMs } = policy
  // A loader may name a ttl of its own; what is sensitive is not kept for longer all the same.
  const ttlMs =
    maxLifeMs === Number.POSITIVE_INFINITY
      ? wantedMs
      : Math.min(wantedMs, maxLifeMs - Math.max(swrMs, sieMs))
  if (policy.jitter === 0 || ttlMs === Number.POSITIVE_INFINITY) return ttlMs
  return ttlMs * (1 - policy.jitter * engine.clock.random())
}

/** An entry that is valid from now on, under marks of its own. */
export function makeEntry(
  engine: Engine,
  scope: Scope,
  parts: NewEntry,
  now = engine.clock.monotonic(),
): Entry {
  const { policy, freshMs, kind } = parts
  const storedAt = Math.trunc(now)
  const staleAt = Math.trunc(now + freshMs)
  const maxAgeMs = parts.maxAgeMs ?? engine.maxAgeMs
  const ageAt = maxAgeMs === Number.POSITIVE_INFINITY ? undefined : Math.trunc(now + maxAgeMs)
  const mayRefreshEarly = kind !== 'error' && policy.earlyBeta > 0 && parts.loadMs > 0
  const earlyAt = mayRefreshEarly
    ? earlyRefreshAt(storedAt, staleAt, parts.loadMs, policy.earlyBeta, engine.clock.random())
    : staleAt
  return new Entry({
    value: parts.value,
    kind,
    checkAt: ageAt === undefined ? earlyAt : Math.min(earlyAt, ageAt),
    seq: engine.fence.seq,
    storedAt,
    staleAt,
    swrMs: kind === 'error' ? 0 : policy.swrMs,
    sieMs: kind === 'error' ? 0 : policy.sieMs,
    ageAt,
    loadMs: parts.loadMs,
    marks: scope.holdMarks(parts.tags),
    bytes: parts.bytes,
    stamp: parts.stamp,
  })
}
