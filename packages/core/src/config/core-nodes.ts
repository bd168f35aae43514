import type { CompressionOptions } from '../entry/codec.ts'
import { thresholds } from '../health/thresholds.ts'
import type { HealthOptions } from '../options/health-options.ts'
import type {
  BreakerOptions,
  EntryOptions,
  MemoryOptions,
  ResilienceOptions,
  SensitiveOptions,
} from '../options/options.ts'
import type { SessionCookieOptions } from '../session/session-options.ts'
import { libmemcachedHashes } from '../sharding/hashes/named-hashes.ts'
import type { RingServer } from '../sharding/ring-options.ts'
import type { EjectOptions } from '../sharding/sharded-options.ts'
import type { MemoryStoreOptions } from '../store/memory-store.ts'
import type {
  BusConfig,
  CacheConfig,
  CapacityConfig,
  CodecConfig,
  EncryptedConfig,
  FailoverConfig,
  FleetConfig,
  IntegrityConfig,
  KeyConfig,
  PrefixedConfig,
  RingConfig,
  SessionConfig,
  ShardConfig,
  ShardedConfig,
} from './config-options.ts'
import {
  anyText,
  choice,
  count,
  duration,
  either,
  flag,
  list,
  map,
  number,
  object,
  only,
  port,
  reference,
  type Shape,
  secret,
  text,
} from './node.ts'

const entry = object('EntryOptions', {
  ttl: duration,
  staleWhileRevalidate: duration,
  staleIfError: duration,
  jitter: number(0, 1),
  earlyRefresh: either('a number from 0 on, or false', number(0), only(false)),
  nullTtl: duration,
  errorTtl: duration,
  softTimeout: duration,
  retryAfterError: duration,
  loadTimeout: duration,
  tags: list(text),
} satisfies Shape<EntryOptions, 'refresh' | 'signal'>)

const memory = object('MemoryOptions', {
  maxEntries: count(1),
  maxBytes: count(1),
  maxAge: duration,
  eviction: choice('lru', 'fifo'),
  values: choice('isolated', 'copied', 'shared'),
} satisfies Shape<MemoryOptions>)

const breaker = object('BreakerOptions', {
  failuresInARow: count(1),
  failureShare: number(0, 1),
  minimumOperations: count(1),
  window: duration,
  open: duration,
  maxOpen: duration,
} satisfies Shape<BreakerOptions>)

const resilience = object('ResilienceOptions', {
  storeTimeout: duration,
  breaker,
  journal: count(0),
  outageMemo: duration,
  loadConcurrency: count(1),
  loadQueue: count(0),
} satisfies Shape<ResilienceOptions>)

const keys = list(
  object('KeyConfig', { id: text, secret } satisfies Shape<KeyConfig>, {
    required: ['id', 'secret'],
  }),
)

const codec = object('CodecConfig', {
  compression: object('CompressionOptions', {
    thresholdBytes: count(0),
    algorithm: choice('gzip', 'brotli', 'zstd'),
  } satisfies Shape<CompressionOptions>),
  integrity: object('IntegrityConfig', { keys } satisfies Shape<IntegrityConfig>, {
    required: ['keys'],
  }),
} satisfies Shape<CodecConfig>)

const threshold = either(
  'an object with warn and critical, or false',
  object('Threshold', { warn: number(0), critical: number(0) }),
  only(false),
)

const health = object('HealthOptions', {
  thresholds: object(
    'HealthCheckName',
    Object.fromEntries(Object.keys(thresholds).map((name) => [name, threshold])),
  ),
  window: duration,
  poll: duration,
  minimumRequests: count(1),
} satisfies Shape<HealthOptions>)

export const cacheNode = object('CacheConfig', {
  store: reference('stores'),
  bus: either('the name of one of buses, or false', reference('buses'), only(false)),
  name: text,
  namespace: anyText,
  memory: either('an object of options, or false', memory, only(false)),
  defaults: entry,
  policies: map(entry, 'pattern'),
  codec,
  resilience,
  health,
  sensitive: either(
    'true, false or { maxTtl }',
    flag,
    object('SensitiveOptions', { maxTtl: duration } satisfies Shape<SensitiveOptions>),
  ),
  enabled: flag,
} satisfies Shape<CacheConfig>)

/** How keys are dealt out, in rings and in stores over several servers. */
export const ringShape = {
  distribution: choice(
    'slots',
    'ketama',
    'modula',
    'random',
    'rendezvous',
    'consistent',
    'ketama_weighted',
    'ketama_spy',
  ),
  hash: choice(...Object.keys(libmemcachedHashes)),
  hashTag: text,
  charSign: choice('signed', 'unsigned'),
  seed: secret,
  compat: choice('twemproxy', 'libmemcached', 'pymemcache'),
}

export const ringServer = object('RingServer', {
  name: text,
  weight: count(1),
  host: text,
  port,
  path: text,
} satisfies Shape<RingServer>)

export const ringNode = object(
  'RingConfig',
  {
    servers: list(ringServer),
    nutcracker: text,
    pool: text,
    ...ringShape,
  } satisfies Shape<RingConfig>,
  { oneOf: ['servers', 'nutcracker'] },
)

/** What happens among several servers. */
export const fleetShape = {
  onFailure: choice('fail-fast', 'gutter', 'rehash', 'replica'),
  gutterTtl: duration,
  eject: object('EjectOptions', {
    failureLimit: count(0),
    retryAfter: duration,
    probe: flag,
  } satisfies Shape<EjectOptions>),
  timeout: duration,
  quarantine: duration,
  journal: count(0),
  socketsPerServer: count(1),
  processes: count(1),
}

export const shardedNode = object(
  'ShardedConfig',
  {
    servers: list(
      object(
        'ShardConfig',
        {
          store: reference('stores'),
          name: text,
          weight: count(1),
        } satisfies Shape<ShardConfig>,
        { required: ['store'] },
      ),
    ),
    gutter: reference('stores'),
    ...fleetShape,
    ...ringShape,
  } satisfies Shape<ShardedConfig>,
  { required: ['servers'] },
)

export const failoverNode = object(
  'FailoverConfig',
  {
    main: reference('stores'),
    gutter: reference('stores'),
    ttl: duration,
    timeout: duration,
    failureLimit: count(1),
    retryAfter: duration,
    quarantine: duration,
    journal: count(0),
  } satisfies Shape<FailoverConfig>,
  { required: ['main', 'gutter'] },
)

export const encryptedNode = object(
  'EncryptedConfig',
  { store: reference('stores'), keys, reread: duration } satisfies Shape<EncryptedConfig>,
  { required: ['store', 'keys'] },
)

export const prefixedNode = object(
  'PrefixedConfig',
  { store: reference('stores'), prefix: text } satisfies Shape<PrefixedConfig>,
  { required: ['store', 'prefix'] },
)

export const memoryStoreNode = object('MemoryStoreOptions', {
  maxEntries: count(1),
  maxBytes: count(1),
  maxKeyBytes: count(1),
  maxValueBytes: count(1),
} satisfies Shape<MemoryStoreOptions, 'backing' | 'clock' | 'name'>)

export const busShape = { channel: text } satisfies Omit<Shape<BusConfig>, 'redis'>

export const sessionNode = object(
  'SessionConfig',
  {
    store: reference('stores'),
    secrets: list(secret),
    ttl: duration,
    idleTimeout: duration,
    cookie: object('SessionCookieOptions', {
      name: text,
      secure: flag,
      sameSite: choice('lax', 'strict', 'none'),
      domain: text,
      path: text,
    } satisfies Shape<SessionCookieOptions>),
    prefix: anyText,
    record: flag,
    trustProxy: either('true, false or how many proxies stand in front', flag, count(0)),
    userField: text,
    sessionsPerUser: count(1),
    retryFor: duration,
    maxWaiting: count(0),
    allowEviction: flag,
  } satisfies Shape<SessionConfig>,
  { required: ['store', 'secrets'] },
)

export const fleetNode = object('FleetConfig', {
  processes: count(1),
  serverConnections: count(1),
} satisfies Shape<FleetConfig>)

export const capacityNode = object(
  'CapacityConfig',
  {
    objects: count(0),
    objectBytes: count(1),
    limitBytes: count(1),
  } satisfies Shape<CapacityConfig>,
  { required: ['objects', 'objectBytes'] },
)
