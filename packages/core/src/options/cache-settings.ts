import { type Clock, systemClock } from '../clock.ts'
import type { ValueMode } from '../entry/isolate.ts'
import { InvalidOptionError } from '../errors.ts'
import { requireCount, requireText } from './checks.ts'
import { cacheDefaults, defaultMaxBytes, memoryDefaults, resilienceDefaults } from './defaults.ts'
import { parseDuration } from './duration.ts'
import { defaultPolicy, describe, type EntryPolicy, extendPolicy } from './entry-policy.ts'
import { type FarSettings, resolveFar } from './far-settings.ts'
import { compilePolicies, type PolicyOfKey } from './key-patterns.ts'
import { refuseUnknownNames } from './known-names.ts'
import type { CacheOptions, MemoryOptions, ResilienceOptions } from './options.ts'

export interface MemorySettings {
  readonly maxEntries: number
  readonly maxBytes: number
  /** `undefined`: not chosen. */
  readonly maxAgeMs: number | undefined
  readonly eviction: 'lru' | 'fifo'
  readonly values: ValueMode
}

export interface ResilienceSettings {
  readonly loadConcurrency: number
  readonly loadQueue: number
}

/** `CacheOptions`, checked, copied and complete. */
export interface CacheSettings {
  readonly name: string
  readonly namespace: string
  readonly memory: MemorySettings | undefined
  readonly policy: EntryPolicy
  readonly policyOfKey: PolicyOfKey
  readonly resilience: ResilienceSettings
  readonly clock: Clock
  readonly enabled: boolean
  /** `undefined`: memory only. */
  readonly far: FarSettings | undefined
}

const cacheOptionNames = [
  'name',
  'namespace',
  'memory',
  'store',
  'bus',
  'codec',
  'defaults',
  'policies',
  'resilience',
  'clock',
  'enabled',
] as const satisfies readonly (keyof CacheOptions)[]
const memoryOptionNames = [
  'maxEntries',
  'maxBytes',
  'maxAge',
  'eviction',
  'values',
] as const satisfies readonly (keyof MemoryOptions)[]
const resilienceOptionNames = [
  'storeTimeout',
  'breaker',
  'journal',
  'outageMemo',
  'loadConcurrency',
  'loadQueue',
] as const satisfies readonly (keyof ResilienceOptions)[]
const clockMethods = [
  'now',
  'monotonic',
  'random',
  'setTimeout',
  'clearTimeout',
] as const satisfies readonly (keyof Clock)[]

/** @throws InvalidOptionError for anything in `options` that cannot work, before anything is built. */
export function resolveCacheOptions(options: CacheOptions = {}): CacheSettings {
  requireObject(options, 'createCache(options)')
  refuseUnknownNames(options, cacheOptionNames, 'createCache')
  const name = requireText(options.name ?? cacheDefaults.name, 'name', 1)
  const policy = extendPolicy(defaultPolicy, options.defaults, 'defaults')
  return Object.freeze({
    name,
    namespace: requireText(options.namespace ?? name, 'namespace', 0),
    memory: options.memory === false ? undefined : resolveMemory(options.memory),
    policy,
    policyOfKey: compilePolicies(policy, options.policies),
    resilience: resolveResilience(options.resilience),
    clock: requireClock(options.clock ?? systemClock),
    enabled: requireBoolean(options.enabled ?? cacheDefaults.enabled, 'enabled'),
    far: resolveFar(options),
  })
}

function resolveMemory(options: MemoryOptions = {}): MemorySettings {
  requireObject(options, 'memory')
  refuseUnknownNames(options, memoryOptionNames, 'memory')
  const settings: MemorySettings = {
    maxEntries: requireCount(
      options.maxEntries ?? memoryDefaults.maxEntries,
      'memory.maxEntries',
      1,
    ),
    maxBytes: requireCount(options.maxBytes ?? defaultMaxBytes(), 'memory.maxBytes', 1),
    maxAgeMs:
      options.maxAge === undefined ? undefined : parseDuration(options.maxAge, 'memory.maxAge'),
    eviction: requireOneOf(options.eviction ?? memoryDefaults.eviction, 'memory.eviction', [
      'lru',
      'fifo',
    ]),
    values: requireOneOf(options.values ?? memoryDefaults.values, 'memory.values', [
      'isolated',
      'copied',
      'shared',
    ]),
  }
  if (
    settings.maxEntries === Number.POSITIVE_INFINITY &&
    settings.maxBytes === Number.POSITIVE_INFINITY
  ) {
    throw new InvalidOptionError(
      'memory.maxEntries and memory.maxBytes must not both be Infinity: the near tier would grow without end',
    )
  }
  return Object.freeze(settings)
}

function resolveResilience(options: ResilienceOptions = {}): ResilienceSettings {
  requireObject(options, 'resilience')
  refuseUnknownNames(options, resilienceOptionNames, 'resilience')
  return Object.freeze({
    loadConcurrency: requireCount(
      options.loadConcurrency ?? resilienceDefaults.loadConcurrency,
      'resilience.loadConcurrency',
      1,
    ),
    loadQueue: requireCount(
      options.loadQueue ?? resilienceDefaults.loadQueue,
      'resilience.loadQueue',
      0,
    ),
  })
}

function requireObject(value: unknown, option: string): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new InvalidOptionError(
      `${option} must be an object of options; it was ${describe(value)}`,
    )
  }
}

function requireBoolean(value: unknown, option: string): boolean {
  if (typeof value === 'boolean') return value
  throw new InvalidOptionError(`${option} must be true or false; it was ${describe(value)}`)
}

function requireOneOf<T extends string>(value: unknown, option: string, choices: readonly T[]): T {
  const found = choices.find((choice) => choice === value)
  if (found !== undefined) return found
  throw new InvalidOptionError(
    `${option} must be one of ${choices.map((choice) => `'${choice}'`).join(', ')}; it was ${describe(value)}`,
  )
}

function requireClock(clock: Clock): Clock {
  const missing = clockMethods.find((method) => typeof clock?.[method] !== 'function')
  if (missing === undefined) return clock
  throw new InvalidOptionError(
    `clock must have the methods ${clockMethods.join(', ')}; ${missing} is missing`,
  )
}
