import { type Clock, systemClock } from '../clock.ts'
import { type CodecOptions, resolveCodec } from '../entry/codec.ts'
import type { ValueMode } from '../entry/isolate.ts'
import { InvalidOptionError } from '../errors.ts'
import type { HealthSettings } from '../health/thresholds.ts'
import type { BreakerSettings } from '../resilience/breaker.ts'
import {
  breakerDefaults,
  cacheDefaults,
  defaultMaxBytes,
  memoryDefaults,
  resilienceDefaults,
} from './defaults.ts'
import { parseDuration } from './duration.ts'
import {
  defaultPolicy,
  type EntryPolicy,
  entryOptionNames,
  extendPolicy,
  limitLife,
} from './entry-policy.ts'
import { unmet } from './expectation.ts'
import { type FarParts, type FarSettings, readBus, readStore, resolveFar } from './far-settings.ts'
import { readHealth } from './health-options.ts'
import { compilePolicies, type PolicyOfKey } from './key-patterns.ts'
import { readValueMode } from './namespace-options.ts'
import { type OptionTable, optionsReader, readOptions } from './option-table.ts'
import type {
  BreakerOptions,
  CacheOptions,
  EntryOptions,
  MemoryOptions,
  ResilienceOptions,
} from './options.ts'
import { readBoolean, readClock, readCount, reader, readName, readOneOf } from './readers.ts'
import { readSensitive, refuseClearStore, type Sensitivity } from './sensitive.ts'

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
  readonly storeTimeoutMs: number
  readonly breaker: BreakerSettings
  readonly journalKeys: number
  readonly outageMemoMs: number
}

/** `CacheOptions`, checked, copied and complete. */
export interface CacheSettings {
  readonly name: string
  readonly namespace: string
  readonly memory: MemorySettings | undefined
  readonly policy: EntryPolicy
  readonly policyOfKey: PolicyOfKey
  readonly resilience: ResilienceSettings
  readonly health: HealthSettings
  readonly clock: Clock
  readonly enabled: boolean
  /** `undefined`: not sensitive. */
  readonly sensitive: Sensitivity | undefined
  /** `undefined`: memory only. */
  readonly far: FarSettings | undefined
}

const memoryTable = {
  maxEntries: ['maxEntries', readCount(1)],
  maxBytes: ['maxBytes', readCount(1)],
  maxAge: ['maxAgeMs', parseDuration],
  eviction: ['eviction', readOneOf('lru', 'fifo')],
  values: ['values', readValueMode],
} as const satisfies OptionTable<MemoryOptions, MemorySettings>

const breakerTable = {
  failuresInARow: ['failuresInARow', readCount(1)],
  failureShare: [
    'failureShare',
    reader<number>(
      'a share above 0, at most 1',
      (value) => typeof value === 'number' && value > 0 && value <= 1,
    ),
  ],
  minimumOperations: ['minimumOperations', readCount(1)],
  window: ['windowMs', parseDuration],
  open: ['openMs', parseDuration],
  maxOpen: ['maxOpenMs', parseDuration],
} as const satisfies OptionTable<BreakerOptions, BreakerSettings>

const readBreaker = optionsReader<BreakerSettings>(breakerTable, breakerDefaults)

const resilienceTable = {
  storeTimeout: ['storeTimeoutMs', readStoreTimeout],
  breaker: ['breaker', readBreaker],
  journal: ['journalKeys', readCount(0)],
  outageMemo: ['outageMemoMs', parseDuration],
  loadConcurrency: ['loadConcurrency', readCount(1)],
  loadQueue: ['loadQueue', readCount(0)],
} as const satisfies OptionTable<ResilienceOptions, ResilienceSettings>

const readResilience = optionsReader<ResilienceSettings>(resilienceTable, {
  ...resilienceDefaults,
  breaker: {},
})

/** What the table of `CacheOptions` reads, before the parts that need each other are put together. */
interface ReadOptions extends Omit<CacheSettings, 'namespace' | 'policyOfKey' | 'far'>, FarParts {
  readonly namespace: string | undefined
  readonly policies: Readonly<Record<string, EntryOptions>> | undefined
}

const cacheTable = {
  name: ['name', readName],
  namespace: ['namespace', (value, option) => (value === '' ? '' : readName(value, option))],
  memory: ['memory', (value, option) => (value === false ? undefined : readMemory(value, option))],
  defaults: [
    'policy',
    (value, option) => extendPolicy(defaultPolicy, value as EntryOptions, option),
  ],
  store: ['store', readStore],
  bus: ['bus', (value, option) => (value === false ? value : readBus(value, option))],
  codec: ['codec', (value) => resolveCodec(value as CodecOptions)],
  policies: ['policies', (value) => value as ReadOptions['policies']],
  resilience: ['resilience', readResilience],
  health: ['health', readHealth],
  clock: ['clock', readClock],
  sensitive: ['sensitive', readSensitive],
  enabled: ['enabled', readBoolean],
} as const satisfies OptionTable<CacheOptions, ReadOptions>

/** Where an option belongs that is written one level too high. */
const homes = {
  defaults: entryOptionNames,
  memory: Object.keys(memoryTable),
  resilience: Object.keys(resilienceTable),
}

function refuseMisplaced(options: unknown): void {
  for (const name of Object.keys(Object(options))) {
    for (const [home, names] of Object.entries(homes)) {
      if (names.includes(name))
        throw new InvalidOptionError(
          `createCache has no option '${name}'; write ${home}: { ${name} }`,
        )
    }
  }
}

/** @throws InvalidOptionError for anything in `options` that cannot work, before anything is built. */
export function resolveCacheOptions(options: CacheOptions = {}): CacheSettings {
  refuseMisplaced(options)
  const { policies, store, bus, codec, ...read } = readOptions<ReadOptions>(
    {
      ...cacheDefaults,
      sensitive: undefined,
      namespace: undefined,
      memory: readMemory({}, 'memory'),
      policy: defaultPolicy,
      policies: undefined,
      store: undefined,
      bus: undefined,
      codec: undefined,
      resilience: readResilience({}, 'resilience'),
      health: readHealth({}, 'health'),
      clock: systemClock,
    },
    options,
    cacheTable,
    'createCache',
  )
  const { sensitive } = read
  if (sensitive !== undefined) refuseClearStore(store, 'createCache')
  const policy = sensitive ? limitLife(read.policy, sensitive.maxLifeMs) : read.policy
  return Object.freeze({
    ...read,
    policy,
    namespace: read.namespace ?? read.name,
    policyOfKey: compilePolicies(policy, policies),
    far: resolveFar({ store, bus, codec }, read.resilience),
  })
}

function readMemory(options: unknown, option: string): MemorySettings {
  // How long an entry is used before it is looked up again depends on the tiers behind.
  const defaults = { ...memoryDefaults, maxAge: undefined, maxBytes: defaultMaxBytes() }
  const settings = optionsReader<MemorySettings>(memoryTable, defaults)(options, option)
  if (settings.maxEntries === Infinity && settings.maxBytes === Infinity) {
    throw new InvalidOptionError(
      'memory.maxEntries and memory.maxBytes must not both be Infinity: the near tier would grow without end',
    )
  }
  return settings
}

/** A call must neither skip its store nor hang with it. */
function readStoreTimeout(value: unknown, option: string): number {
  const ms = parseDuration(value, option)
  if (ms > 0 && ms < Infinity) return ms
  throw unmet(option, 'a duration above 0, and not Infinity', value)
}
