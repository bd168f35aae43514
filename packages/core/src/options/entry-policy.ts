import { InvalidOptionError } from '../errors.ts'
import { entryDefaults } from './defaults.ts'
import { parseDuration } from './duration.ts'
import { refuseUnknownNames } from './known-names.ts'
import type { EntryOptions } from './options.ts'

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
}

type Draft = { -readonly [Name in keyof EntryPolicy]: EntryPolicy[Name] }

const noTags: readonly string[] = Object.freeze([])

const entryOptionNames = [
  'ttl',
  'staleWhileRevalidate',
  'staleIfError',
  'jitter',
  'earlyRefresh',
  'nullTtl',
  'errorTtl',
  'softTimeout',
  'retryAfterError',
  'loadTimeout',
  'tags',
  'refresh',
  'signal',
] as const satisfies readonly (keyof EntryOptions)[]

/**
 * `base` with the fields that `options` sets. `options` is read once, here; later changes to it have no effect.
 * @throws InvalidOptionError naming the option and what was expected.
 */
export function extendPolicy(
  base: EntryPolicy,
  options: EntryOptions | undefined,
  where = 'options',
): EntryPolicy {
  if (options === undefined) return base
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new InvalidOptionError(
      `${where} must be an object of entry options; it was ${describe(options)}`,
    )
  }
  const policy: Draft = { ...base }
  for (const name of Object.keys(options)) {
    const value: unknown = options[name as keyof EntryOptions]
    if (value !== undefined) applyOption(policy, name, value, options, where)
  }
  if (policy.softTimeoutMs !== undefined && policy.softTimeoutMs > policy.loadTimeoutMs) {
    throw new InvalidOptionError(
      `softTimeout (${policy.softTimeoutMs} ms) must not be above loadTimeout (${policy.loadTimeoutMs} ms): a load never lasts that long; lower softTimeout or raise loadTimeout`,
    )
  }
  return policy
}

function applyOption(
  policy: Draft,
  name: string,
  value: unknown,
  options: object,
  where: string,
): void {
  switch (name) {
    case 'ttl':
      policy.ttlMs = parseDuration(value, name)
      return
    case 'staleWhileRevalidate':
      policy.swrMs = parseDuration(value, name)
      return
    case 'staleIfError':
      policy.sieMs = parseDuration(value, name)
      return
    case 'jitter':
      policy.jitter = requireNumber(
        value,
        name,
        'a share from 0 to 1',
        (number) => number >= 0 && number <= 1,
      )
      return
    case 'earlyRefresh':
      policy.earlyBeta =
        value === false
          ? 0
          : requireNumber(
              value,
              name,
              "false, or XFetch's beta as a finite number from 0",
              (n) => n >= 0 && Number.isFinite(n),
            )
      return
    case 'nullTtl':
      policy.nullTtlMs = parseDuration(value, name)
      return
    case 'errorTtl':
      policy.errorTtlMs = parseDuration(value, name)
      return
    case 'softTimeout':
      policy.softTimeoutMs = parseDuration(value, name)
      return
    case 'retryAfterError':
      policy.retryAfterErrorMs = parseDuration(value, name)
      return
    case 'loadTimeout':
      policy.loadTimeoutMs = parseDuration(value, name)
      if (policy.loadTimeoutMs === 0)
        throw new InvalidOptionError(
          'loadTimeout must be above 0, or no load could ever finish; it was 0',
        )
      return
    case 'tags':
      policy.tags = requireTags(value, name)
      return
    case 'refresh':
      if (typeof value !== 'boolean')
        throw new InvalidOptionError(`refresh must be true or false; it was ${describe(value)}`)
      policy.refresh = value
      return
    case 'signal':
      if (!(value instanceof AbortSignal))
        throw new InvalidOptionError(`signal must be an AbortSignal; it was ${describe(value)}`)
      policy.signal = value
      return
    default:
      refuseUnknownNames(options, entryOptionNames, where)
  }
}

/**
 * The tags as a frozen copy, each once.
 * @throws InvalidOptionError unless it is an array of non-empty, well-formed strings of at most 4,096 bytes.
 */
export function requireTags(tags: unknown, option: string): readonly string[] {
  if (!Array.isArray(tags))
    throw new InvalidOptionError(`${option} must be an array of strings; it was ${describe(tags)}`)
  if (tags.length === 0) return noTags
  for (let index = 0; index < tags.length; index++) {
    const tag: unknown = tags[index]
    if (
      typeof tag !== 'string' ||
      tag === '' ||
      !tag.isWellFormed() ||
      (tag.length > 1_365 && Buffer.byteLength(tag) > 4_096)
    ) {
      throw new InvalidOptionError(
        `${option}[${index}] must be a non-empty, well-formed string of at most 4,096 bytes; it was ${typeof tag === 'string' ? `a string of ${tag.length} characters` : describe(tag)}`,
      )
    }
  }
  return Object.freeze([...new Set<string>(tags)])
}

function requireNumber(
  value: unknown,
  option: string,
  expected: string,
  fits: (number: number) => boolean,
): number {
  if (typeof value === 'number' && fits(value)) return value
  throw new InvalidOptionError(`${option} must be ${expected}; it was ${describe(value)}`)
}

/** What came, by its kind and never by its content, except numbers and booleans, which hold no secret. */
export function describe(value: unknown): string {
  if (value === null) return 'null'
  if (typeof value === 'number' || typeof value === 'boolean' || value === undefined)
    return String(value)
  if (Array.isArray(value)) return 'an array'
  return `${typeof value === 'object' ? 'an' : 'a'} ${typeof value}`
}

/** The policy of a cache that sets nothing. */
export const defaultPolicy: EntryPolicy = Object.freeze(
  extendPolicy(
    {
      ttlMs: 0,
      swrMs: 0,
      sieMs: 0,
      jitter: 0,
      earlyBeta: 0,
      nullTtlMs: undefined,
      errorTtlMs: 0,
      softTimeoutMs: undefined,
      retryAfterErrorMs: 0,
      loadTimeoutMs: Number.POSITIVE_INFINITY,
      tags: noTags,
      refresh: false,
      signal: undefined,
    },
    // softTimeout stays open here: its default gives way to a shorter loadTimeout, a chosen one does not.
    { ...entryDefaults, softTimeout: undefined },
  ),
)

const softTimeoutDefaultMs = parseDuration(entryDefaults.softTimeout, 'softTimeout')

/** How long a caller waits for a load where a stale value could be served instead. */
export function softTimeoutOf(policy: EntryPolicy): number {
  return policy.softTimeoutMs ?? Math.min(softTimeoutDefaultMs, policy.loadTimeoutMs)
}
