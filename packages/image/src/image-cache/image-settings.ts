import { type Cache, InvalidOptionError } from '@holdfast/core'
import { readDuration, readWhole, unmet } from '@holdfast/core/adapter'
import { defaultPolicy, type PolicyOptions } from '../http-cache/policy-options.ts'
import { defaultTypes } from '../inspect/inspect.ts'
import { readList, readObject, readOneOf } from '../network/option-values.ts'
import type { ImageFormat } from '../network/options.ts'
import { type GuardSettings, readGuardSettings } from '../network/settings.ts'
import type {
  FreshnessOptions,
  ImageCacheOptions,
  KeyOptions,
  PollOptions,
  Transform,
} from './image-options.ts'

/** What decides about time, in milliseconds. */
export interface ImagePolicy extends PolicyOptions {
  readonly errorTtlMs: number
  readonly retryAfterErrorMs: number
}

export interface KeySettings {
  readonly preset: NonNullable<KeyOptions['preset']> | undefined
  readonly sortQuery: boolean
  readonly dropQuery: readonly string[]
  readonly secret: string | undefined
}

export interface PollSettings {
  readonly match: string
  readonly everyMs: number
  readonly concurrency: number
  readonly images: number
}

/** All options of an image cache, read and frozen: what a request began with is what it ends with. */
export interface ImageSettings extends GuardSettings {
  readonly types: readonly ImageFormat[]
  readonly policy: ImagePolicy
  readonly key: KeySettings
  readonly transform: Transform | undefined
  readonly verify: 'header' | 'decode'
  readonly poll: readonly PollSettings[]
  readonly cdnId: string
}

const formats: readonly ImageFormat[] = ['jpeg', 'png', 'gif', 'webp', 'avif', 'svg']
const presets = ['s3', 'gcs', 'azure', 'cloudfront'] as const
const dayMs = 86_400_000

const optionNames = [
  'cache',
  'origins',
  'limits',
  'types',
  'network',
  'freshness',
  'key',
  'transform',
  'verify',
  'poll',
  'cdnId',
]

/** @throws InvalidOptionError naming the option's path */
export function readImageOptions(options: ImageCacheOptions): ImageSettings {
  const given = readObject(options, optionNames, 'createImageCache(options)') as unknown
  const { types, freshness, key, transform, verify, poll, cdnId } = given as ImageCacheOptions
  readCache(options.cache)
  const guard = readGuardSettings(options)
  return Object.freeze({
    ...guard,
    types: readTypes(types ?? defaultTypes),
    policy: readPolicy(freshness ?? {}),
    key: readKey(key ?? {}),
    transform: readFunction(transform, 'transform'),
    verify: readOneOf(verify ?? 'header', 'verify', ['header', 'decode']),
    poll: readList(poll ?? [], 'poll', (entry, path) => readPoll(entry, path, guard)),
    cdnId: readCdnId(cdnId ?? 'holdfast'),
  })
}

/** `before` with what `changes` sets; of the options that are groups, only what is given in them. */
export function mergeImageOptions(
  before: ImageCacheOptions,
  changes: Partial<ImageCacheOptions>,
): ImageCacheOptions {
  return {
    ...before,
    ...changes,
    limits: { ...before.limits, ...changes.limits },
    network: { ...before.network, ...changes.network },
    freshness: { ...before.freshness, ...changes.freshness },
    key: { ...before.key, ...changes.key },
    // What the images are kept in stays.
    cache: before.cache,
  }
}

function readCache(value: unknown): asserts value is Cache {
  if (typeof (value as Cache | undefined)?.wrap === 'function') return
  throw unmet('cache', 'a cache made by createCache()', value)
}

function readTypes(value: unknown): readonly ImageFormat[] {
  const types = readList(value, 'types', (type, path) => readOneOf(type, path, formats))
  if (types.length === 0) throw unmet('types', 'a list with at least one format', types)
  return types
}

function readPolicy(value: FreshnessOptions): ImagePolicy {
  const known = [
    'min',
    'max',
    'heuristic',
    'staleWhileRevalidate',
    'staleIfError',
    'negative',
    'errorTtl',
    'retryAfterError',
  ]
  const given = readObject(value, known, 'freshness') as FreshnessOptions
  const span = (name: keyof FreshnessOptions, otherwiseMs: number) =>
    readDuration(given[name] ?? otherwiseMs, `freshness.${name}`)
  const minMs = span('min', 0)
  const maxMs = span('max', 30 * dayMs)
  if (minMs > maxMs) {
    throw new InvalidOptionError(
      `freshness.min (${minMs} ms) must not be above freshness.max (${maxMs} ms); lower the one or raise the other`,
    )
  }
  const staleIfErrorMs = span('staleIfError', dayMs)
  return Object.freeze({
    ...defaultPolicy,
    minMs,
    maxMs,
    heuristicShare: readFlag(given.heuristic ?? true, 'freshness.heuristic')
      ? defaultPolicy.heuristicShare
      : 0,
    staleWhileRevalidateMs: span('staleWhileRevalidate', 0),
    staleIfErrorMs,
    // One window for an origin that answers with an error and for one that does not answer.
    staleIfDisconnectedMs: staleIfErrorMs,
    negativeMs: span('negative', 60_000),
    errorTtlMs: span('errorTtl', 0),
    retryAfterErrorMs: span('retryAfterError', 1_000),
  })
}

function readKey(value: KeyOptions): KeySettings {
  const given = readObject(
    value,
    ['preset', 'sortQuery', 'dropQuery', 'secret'],
    'key',
  ) as KeyOptions
  const { preset, sortQuery, dropQuery, secret } = given
  if (secret !== undefined && (typeof secret !== 'string' || secret.length < 16)) {
    throw new InvalidOptionError('key.secret must be a string of at least 16 characters')
  }
  return Object.freeze({
    preset: preset === undefined ? undefined : readOneOf(preset, 'key.preset', presets),
    sortQuery: readFlag(sortQuery ?? false, 'key.sortQuery'),
    dropQuery: readList(dropQuery ?? [], 'key.dropQuery', (name, path) => {
      if (typeof name === 'string' && name !== '' && name !== '*') return name
      throw unmet(
        path,
        "the name of a query parameter, or the begin of some, such as 'utm_*'",
        name,
      )
    }),
    secret,
  })
}

function readPoll(value: unknown, path: string, guard: GuardSettings): PollSettings {
  const known = ['match', 'every', 'concurrency', 'images']
  const given = readObject(value, known, path) as Partial<PollOptions>
  const { match, every, concurrency, images } = given
  if (!guard.origins.some((entry) => entry.match === match)) {
    throw unmet(`${path}.match`, 'an entry of origins, as it is written there', match)
  }
  const everyMs = readDuration(every, `${path}.every`)
  if (!(everyMs >= 1_000 && everyMs < Number.POSITIVE_INFINITY)) {
    throw unmet(`${path}.every`, 'a finite span of at least a second', everyMs)
  }
  return Object.freeze({
    match: match as string,
    everyMs,
    concurrency: readWhole(1, 100)(concurrency ?? 2, `${path}.concurrency`),
    images: readWhole(1, 1_000_000)(images ?? 1_000, `${path}.images`),
  })
}

function readFlag(value: unknown, path: string): boolean {
  if (typeof value === 'boolean') return value
  throw unmet(path, 'true or false', value)
}

function readFunction<F>(value: F | undefined, path: string): F | undefined {
  if (value === undefined || typeof value === 'function') return value
  throw unmet(path, 'a function', value)
}

/** A token (RFC 9110, 5.6.2), which is what CDN-Loop takes without quotes. */
function readCdnId(value: unknown): string {
  if (typeof value === 'string' && /^[\w!#$%&'*+.^`|~-]{1,100}$/.test(value)) return value
  throw unmet('cdnId', "a name without spaces, such as 'holdfast' or 'images.example.com'", value)
}
