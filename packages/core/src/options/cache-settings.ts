import { type Clock, systemClock } from '../clock.ts'
import type { ValueMode } from '../entry/isolate.ts'
import { InvalidOptionError } from '../errors.ts'
import { cacheDefaults, defaultMaxBytes, memoryDefaults, resilienceDefaults } from './defaults.ts'
import { parseDuration } from './duration.ts'
import { defaultPolicy, type EntryPolicy, extendPolicy } from './entry-policy.ts'
import { compilePolicies, type PolicyOfKey } from './key-patterns.ts'
import { type OptionTable, readOptions } from './option-table.ts'
import type { CacheOptions, EntryOptions, MemoryOptions, ResilienceOptions } from './options.ts'
import { readBoolean, readCount, reader, readName, readOneOf } from './readers.ts'

export interface MemorySettings {
  readonly maxEntries: number
  readonly maxBytes: number
  readonly maxAgeMs: number
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
}

const memoryTable = {
  maxEntries: ['maxEntries', readCount(1)],
  maxBytes: ['maxBytes', readCount(1)],
  maxAge: ['maxAgeMs', parseDuration],
  eviction: ['eviction', readOneOf('lru', 'fifo')],
  values: ['values', readOneOf('isolated', 'copied', 'shared')],
} as const satisfies OptionTable<MemoryOptions, MemorySettings>

const resilienceTable = {
  loadConcurrency: ['loadConcurrency', readCount(1)],
  loadQueue: ['loadQueue', readCount(0)],
} as const satisfies OptionTable<ResilienceOptions, ResilienceSettings>

const clockMethods = [
  'now',
  'monotonic',
  'random',
  'setTimeout',
  'clearTimeout',
] as const satisfies readonly (keyof Clock)[]

/** What the table of `CacheOptions` reads, before the parts that need each other are put together. */
interface ReadOptions extends Omit<CacheSettings, 'namespace' | 'policyOfKey'> {
  readonly namespace: string | undefined
  readonly policies: Readonly<Record<string, EntryOptions>> | undefined
}

const cacheTable = {
  name: ['name', readName],
  namespace: ['namespace', (value, option) => (value === '' ? '' : readName(value, option))],
  memory: ['memory', (value) => (value === false ? undefined : readMemory(value))],
  defaults: [
    'policy',
    (value, option) => extendPolicy(defaultPolicy, value as EntryOptions, option),
  ],
  policies: ['policies', (value) => value as ReadOptions['policies']],
  resilience: ['resilience', (value) => readResilience(value)],
  clock: [
    'clock',
    reader<Clock>(`an object with the methods ${clockMethods.join(', ')}`, (value) =>
      clockMethods.every((method) => typeof (value as Clock | null)?.[method] === 'function'),
    ),
  ],
  enabled: ['enabled', readBoolean],
} as const satisfies OptionTable<CacheOptions, ReadOptions>

/** @throws InvalidOptionError for anything in `options` that cannot work, before anything is built. */
export function resolveCacheOptions(options: CacheOptions = {}): CacheSettings {
  const { policies, ...read } = readOptions<ReadOptions>(
    {
      ...cacheDefaults,
      namespace: undefined,
      memory: readMemory({}),
      policy: defaultPolicy,
      policies: undefined,
      resilience: readResilience({}),
      clock: systemClock,
    },
    options,
    cacheTable,
    'createCache',
  )
  return Object.freeze({
    ...read,
    namespace: read.namespace ?? read.name,
    policyOfKey: compilePolicies(read.policy, policies),
  })
}

function readMemory(options: unknown): MemorySettings {
  const { maxAge: maxAgeMs, ...defaults } = memoryDefaults
  const settings = readOptions<MemorySettings>(
    { ...defaults, maxAgeMs, maxBytes: defaultMaxBytes() },
    options,
    memoryTable,
    'memory',
    'memory.',
  )
  if (settings.maxEntries === Infinity && settings.maxBytes === Infinity) {
    throw new InvalidOptionError(
      'memory.maxEntries and memory.maxBytes must not both be Infinity: the near tier would grow without end',
    )
  }
  return Object.freeze(settings)
}

function readResilience(options: unknown): ResilienceSettings {
  return Object.freeze(
    readOptions<ResilienceSettings>(
      resilienceDefaults,
      options,
      resilienceTable,
      'resilience',
      'resilience.',
    ),
  )
}
