import type { Cache, Clock, Duration } from '@holdfast/core'
import { InvalidOptionError } from '@holdfast/core'
import { readDuration, systemClock, unmet } from '@holdfast/core/adapter'
import { readBytes, readList, readObject, readOneOf } from '../network/option-values.ts'
import type { ByteSize } from '../network/options.ts'
import { seamOf } from '../network/seam.ts'
import type { HttpCacheSettings } from './http-cache-settings.ts'
import { networkOver } from './network-over.ts'
import { defaultPolicy, type PolicyOptions } from './policy-options.ts'

/** How long responses are fresh and of use, beyond what their origins say. */
export interface HttpFreshnessOptions {
  /** Floor of every lifetime. Never keeps what must not be kept. Default `0`. */
  readonly min?: Duration
  /** Ceiling of every lifetime. Default `Infinity`. */
  readonly max?: Duration
  /** Whether a response without a lifetime is fresh for a tenth of the time since its `Last-Modified`, a day at most (RFC 9111, 4.2.2). Default `true`. */
  readonly heuristic?: boolean
  /** Stale for this long, a response is served at once and renewed behind, where its origin does not allow longer (RFC 5861, 3). Default `0`. */
  readonly staleWhileRevalidate?: Duration
  /** Stale for this long, a response stands in for a 500, 502, 503 or 504, where its origin does not allow longer (RFC 5861, 4). Default `0`. */
  readonly staleIfError?: Duration
  /** Stale for this long, a response stands in where no answer comes at all, unless its origin forbids it (RFC 9111, 4.2.4). Default `'1d'`. */
  readonly staleIfDisconnected?: Duration
  /** How long a 404 or 410 is kept that brings no lifetime. Default `0`. */
  readonly negative?: Duration
  /** How long a stale response with a validator is kept to be asked about. Default `'7d'`. */
  readonly keepStale?: Duration
}

export interface HttpCacheOptions {
  /** Where responses are kept, in a namespace `http` of its own. It stays open. */
  readonly cache: Cache
  /** The way to the origins. Default: the global `fetch`. `guardedFetch(…)` makes it safe for URLs from outside. */
  readonly fetch?: typeof fetch
  readonly freshness?: HttpFreshnessOptions
  /** Larger bodies stream through, and are not kept. Default `'10mb'`. */
  readonly maxBodyBytes?: ByteSize
  /** How this cache is called in the `Cache-Status` of its answers (RFC 9211). Default `'holdfast'`. */
  readonly cdnId?: string
  /** Whether answers say in `Cache-Status` where they come from. Default `true`. */
  readonly cacheStatus?: boolean
  /** Response fields that go before `Cache-Control`, in order (RFC 9213). Default `['CDN-Cache-Control']`. */
  readonly targeted?: readonly string[]
  /** Whether `Set-Cookie` is kept, and so handed to every client, or dropped from what is kept. Default `'drop'`. */
  readonly setCookie?: 'drop' | 'keep'
  /** Hard end of a request that several callers wait for. Default `'5m'`. */
  readonly timeout?: Duration
  /** Source of time. Default: the machine's. */
  readonly clock?: Clock
}

const known = [
  'cache',
  'fetch',
  'freshness',
  'maxBodyBytes',
  'cdnId',
  'cacheStatus',
  'targeted',
  'setCookie',
  'timeout',
  'clock',
]
const knownFreshness = [
  'min',
  'max',
  'heuristic',
  'staleWhileRevalidate',
  'staleIfError',
  'staleIfDisconnected',
  'negative',
  'keepStale',
]
const where = 'createHttpCache'

/** @throws InvalidOptionError naming the option, what was expected and what came. */
export function readHttpCacheOptions(options: HttpCacheOptions): HttpCacheSettings {
  readObject(options, known, where)
  const { cache, fetch: network } = options
  if (typeof (cache as Partial<Cache> | undefined)?.wrap !== 'function') {
    throw unmet(`${where}: cache`, 'a cache, as createCache() makes it', cache)
  }
  if (network !== undefined && typeof network !== 'function') {
    throw unmet(`${where}: fetch`, 'a function like fetch', network)
  }
  const clock = seamOf(options)?.clock ?? options.clock ?? systemClock
  const name = readName(options.cdnId ?? 'holdfast', `${where}: cdnId`)
  const isTold = readFlag(options.cacheStatus ?? true, `${where}: cacheStatus`)
  const cookies = readOneOf(options.setCookie ?? 'drop', `${where}: setCookie`, ['drop', 'keep'])
  return Object.freeze({
    policy: Object.freeze({
      ...readFreshness(options.freshness ?? {}),
      targetedFields: readTargeted(options.targeted),
    }),
    statusName: isTold ? name : undefined,
    maxBodyBytes: readBytes(options.maxBodyBytes ?? '10mb', `${where}: maxBodyBytes`),
    keepSetCookie: cookies === 'keep',
    timeoutMs: readDuration(options.timeout ?? '5m', `${where}: timeout`),
    clock,
    network: networkOver(options, network),
  })
}

function readFreshness(given: HttpFreshnessOptions): Omit<PolicyOptions, 'targetedFields'> {
  const path = `${where}: freshness`
  readObject(given, knownFreshness, path)
  const span = (name: Exclude<keyof HttpFreshnessOptions, 'heuristic'>, otherwise: number) =>
    given[name] === undefined ? otherwise : readDuration(given[name], `${path}.${name}`)
  const settings = {
    ...defaultPolicy,
    minMs: span('min', defaultPolicy.minMs),
    maxMs: span('max', defaultPolicy.maxMs),
    heuristicShare: readFlag(given.heuristic ?? true, `${path}.heuristic`)
      ? defaultPolicy.heuristicShare
      : 0,
    staleWhileRevalidateMs: span('staleWhileRevalidate', defaultPolicy.staleWhileRevalidateMs),
    staleIfErrorMs: span('staleIfError', defaultPolicy.staleIfErrorMs),
    staleIfDisconnectedMs: span('staleIfDisconnected', defaultPolicy.staleIfDisconnectedMs),
    negativeMs: span('negative', defaultPolicy.negativeMs),
    keepStaleMs: span('keepStale', defaultPolicy.keepStaleMs),
  }
  if (settings.minMs > settings.maxMs) {
    throw new InvalidOptionError(
      `${path}.min must not be longer than ${path}.max; it was ${settings.minMs} ms, and max ${settings.maxMs} ms`,
    )
  }
  return settings
}

function readTargeted(given: readonly string[] | undefined): readonly string[] {
  if (given === undefined) return defaultPolicy.targetedFields
  return readList(given, `${where}: targeted`, (item, path) => {
    if (typeof item === 'string' && /^[\w!#$%&'*+.^`|~-]+$/.test(item)) return item.toLowerCase()
    throw unmet(path, "a field name such as 'CDN-Cache-Control'", item)
  })
}

function readName(value: unknown, path: string): string {
  if (typeof value === 'string' && /^[\x20-\x7e]{1,100}$/.test(value)) return value
  throw unmet(path, 'a name of 1 to 100 printable ASCII characters', value)
}

function readFlag(value: unknown, path: string): boolean {
  if (typeof value === 'boolean') return value
  throw unmet(path, 'true or false', value)
}
