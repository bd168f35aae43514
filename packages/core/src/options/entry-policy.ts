import { InvalidOptionError } from '../errors.ts'
import { entryDefaults } from './defaults.ts'
import { parseDuration } from './duration.ts'
import { unmet } from './expectation.ts'
import { type OptionTable, readOptions } from './option-table.ts'
import type { EntryOptions } from './options.ts'
import { readBoolean, reader, readTags } from './readers.ts'

/** `EntryOptions` with every default filled in and every duration in milliseconds. Frozen in use, never written. */
export interface EntryPolicy {
  readonly ttlMs: number
  readonly swrMs: number
  readonly sieMs: number
  readonly jitter: number
  /** XFetch's beta; 0 = no early refresh. */
  readonly earlyBeta: number
  /** `undefined` = as `ttlMs`. */
  readonly nullTtlMs: number | undefined
  readonly errorTtlMs: number
  /** `undefined` = the default, but never above `loadTimeoutMs`. */
  readonly softTimeoutMs: number | undefined
  readonly retryAfterErrorMs: number
  readonly loadTimeoutMs: number
  readonly tags: readonly string[]
  readonly refresh: boolean
  readonly signal: AbortSignal | undefined
  /** No entry is kept for longer, its windows included: of what is sensitive. Else `Infinity`. */
  readonly maxLifeMs: number
}

const readBeta = reader<number>(
  "false, or XFetch's beta as a finite number from 0",
  (value) => Number.isFinite(value) && (value as number) >= 0,
)

const entryTable = {
  ttl: ['ttlMs', parseDuration],
  staleWhileRevalidate: ['swrMs', parseDuration],
  staleIfError: ['sieMs', parseDuration],
  jitter: [
    'jitter',
    reader<number>(
      'a share from 0 to 1',
      (value) => typeof value === 'number' && value >= 0 && value <= 1,
    ),
  ],
  earlyRefresh: ['earlyBeta', (value, option) => (value === false ? 0 : readBeta(value, option))],
  nullTtl: ['nullTtlMs', parseDuration],
  errorTtl: ['errorTtlMs', parseDuration],
  softTimeout: ['softTimeoutMs', parseDuration],
  retryAfterError: ['retryAfterErrorMs', parseDuration],
  loadTimeout: [
    'loadTimeoutMs',
    (value, option) => {
      const ms = parseDuration(value, option)
      if (ms === 0) throw unmet(option, 'above 0, or no load could ever finish', ms)
      return ms
    },
  ],
  tags: ['tags', readTags],
  refresh: ['refresh', readBoolean],
  signal: [
    'signal',
    reader<AbortSignal>('an AbortSignal', (value) => value instanceof AbortSignal),
  ],
} as const satisfies OptionTable<EntryOptions, EntryPolicy>

export const entryOptionNames: readonly string[] = Object.keys(entryTable)

/** Where the options of a call stand: nobody has to be told which call. */
const ofCall = 'options'

/**
 * `base` with the fields that `options` sets. `options` is read once, here; later changes to it have no effect.
 * @throws InvalidOptionError naming the option, with where it stands if that is not the call itself, and what was
 * expected.
 */
export function extendPolicy(
  base: EntryPolicy,
  options: EntryOptions | undefined,
  where = ofCall,
): EntryPolicy {
  if (options === undefined) return base
  // What stands in an object follows a dot; what was handed to a function, which is known by its name, a colon.
  const prefix = where === ofCall ? '' : where.endsWith(')') ? `${where}: ` : `${where}.`
  const policy = readOptions(base, options, entryTable, where, prefix)
  if (policy.softTimeoutMs !== undefined && policy.softTimeoutMs > policy.loadTimeoutMs) {
    throw new InvalidOptionError(
      `${prefix}softTimeout (${policy.softTimeoutMs} ms) must not be above loadTimeout (${policy.loadTimeoutMs} ms): a load never lasts that long; lower softTimeout or raise loadTimeout`,
    )
  }
  return limitLife(policy, policy.maxLifeMs)
}

/** `policy` where nothing is kept for longer than `maxLifeMs`: its ttl comes first, its windows get what is left. */
export function limitLife(policy: EntryPolicy, maxLifeMs: number): EntryPolicy {
  const mostMs = Math.min(maxLifeMs, policy.maxLifeMs)
  if (mostMs === Number.POSITIVE_INFINITY) return policy
  const ttlMs = Math.min(policy.ttlMs, mostMs)
  const leftMs = mostMs - ttlMs
  const { swrMs, sieMs } = policy
  return {
    ...policy,
    ttlMs,
    swrMs: Math.min(swrMs, leftMs),
    sieMs: Math.min(sieMs, leftMs),
    maxLifeMs: mostMs,
  }
}

/** The policy of a cache that sets nothing. */
export const defaultPolicy: EntryPolicy = Object.freeze(
  // softTimeout stays open here: its default gives way to a shorter loadTimeout, a chosen one does not.
  readOptions(
    {
      nullTtlMs: undefined,
      softTimeoutMs: undefined,
      signal: undefined,
      maxLifeMs: Number.POSITIVE_INFINITY,
    } as EntryPolicy,
    { ...entryDefaults, tags: [], softTimeout: undefined },
    entryTable,
    'defaults',
  ),
)

const softTimeoutDefaultMs = parseDuration(entryDefaults.softTimeout, 'softTimeout')

/** How long a caller waits for a load where a stale value could be served instead. */
export function softTimeoutOf(policy: EntryPolicy): number {
  return policy.softTimeoutMs ?? Math.min(softTimeoutDefaultMs, policy.loadTimeoutMs)
}
