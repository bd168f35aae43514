import { type Codec, type CodecOptions, resolveCodec } from '../entry/codec.ts'
import { InvalidOptionError } from '../errors.ts'
import type { BreakerSettings } from '../resilience/breaker.ts'
import type { Bus, Store } from '../store/store.ts'
import { requireCount } from './checks.ts'
import { breakerDefaults, resilienceDefaults } from './defaults.ts'
import { parseDuration } from './duration.ts'
import { describe } from './entry-policy.ts'
import { refuseUnknownNames } from './known-names.ts'
import type { BreakerOptions, ResilienceOptions } from './options.ts'

/** Everything that a cache with a store needs to know of it. */
export interface FarSettings {
  readonly store: Store
  /** `false`: none, on purpose. `undefined`: the store's own, if it has one. */
  readonly bus: Bus | false | undefined
  readonly codec: Codec
  readonly storeTimeoutMs: number
  readonly breaker: BreakerSettings
  readonly journalKeys: number
  readonly outageMemoMs: number
}

interface FarOptions {
  readonly store?: Store | undefined
  readonly bus?: Bus | false | undefined
  readonly codec?: CodecOptions | undefined
  readonly resilience?: ResilienceOptions | undefined
}

/** @throws InvalidOptionError for what cannot work, and for what would have no effect without a store. */
export function resolveFar(options: FarOptions): FarSettings | undefined {
  const { store, bus, resilience } = options
  const codec = resolveCodec(options.codec)
  const breaker = resolveBreaker(resilience?.breaker)
  const storeTimeoutMs = parseDuration(
    resilience?.storeTimeout ?? resilienceDefaults.storeTimeout,
    'resilience.storeTimeout',
  )
  const outageMemoMs = parseDuration(
    resilience?.outageMemo ?? resilienceDefaults.outageMemo,
    'resilience.outageMemo',
  )
  const journalKeys = requireCount(
    resilience?.journal ?? resilienceDefaults.journal,
    'resilience.journal',
    0,
  )
  if (storeTimeoutMs === 0 || storeTimeoutMs === Number.POSITIVE_INFINITY) {
    throw new InvalidOptionError(
      'resilience.storeTimeout must be above 0 and not Infinity: a call must neither skip its store nor hang with it',
    )
  }
  if (store === undefined) {
    if (bus !== undefined && bus !== false) {
      throw new InvalidOptionError(
        'bus needs a store: without one nothing is shared that it could invalidate',
      )
    }
    return undefined
  }
  requireMethods(store, 'store', ['get', 'set', 'delete'])
  if (typeof store.capabilities !== 'object' || store.capabilities === null) {
    throw new InvalidOptionError(
      'store must declare its capabilities ({ ttlGranularityMs, maxKeyBytes, maxValueBytes })',
    )
  }
  if (bus !== undefined && bus !== false)
    requireMethods(bus, 'bus', ['publish', 'subscribe', 'close'])
  return { store, bus, codec, storeTimeoutMs, breaker, journalKeys, outageMemoMs }
}

function resolveBreaker(options: BreakerOptions = {}): BreakerSettings {
  refuseUnknownNames(options, Object.keys(breakerDefaults), 'resilience.breaker')
  const { failuresInARow, failureShare, minimumOperations, window, open, maxOpen } = {
    ...breakerDefaults,
    ...options,
  }
  if (typeof failureShare !== 'number' || !(failureShare > 0 && failureShare <= 1)) {
    throw new InvalidOptionError(
      `resilience.breaker.failureShare must be a share above 0, at most 1; it was ${describe(failureShare)}`,
    )
  }
  return {
    failuresInARow: requireCount(failuresInARow, 'resilience.breaker.failuresInARow', 1),
    failureShare,
    minimumOperations: requireCount(minimumOperations, 'resilience.breaker.minimumOperations', 1),
    windowMs: parseDuration(window, 'resilience.breaker.window'),
    openMs: parseDuration(open, 'resilience.breaker.open'),
    maxOpenMs: parseDuration(maxOpen, 'resilience.breaker.maxOpen'),
  }
}

function requireMethods(value: unknown, option: string, methods: readonly string[]): void {
  const missing = methods.find(
    (method) => typeof (value as Record<string, unknown> | undefined)?.[method] !== 'function',
  )
  if (typeof value === 'object' && value !== null && missing === undefined) return
  throw new InvalidOptionError(
    `${option} must be an object with the methods ${methods.join(', ')}; ${missing ?? 'all'} is missing`,
  )
}
