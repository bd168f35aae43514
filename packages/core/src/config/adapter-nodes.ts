import { fleetShape, ringServer, ringShape } from './core-nodes.ts'
import {
  anyText,
  bytes,
  choice,
  count,
  duration,
  either,
  flag,
  list,
  liveSecret,
  map,
  number,
  object,
  only,
  port,
  reference,
  secret,
  text,
} from './node.ts'

/*
 * What may be written for the adapters, which this package does not import. Type tests in theirs hold that every name
 * here is an option there.
 */

const tls = either(
  "true, or an object of Node's TLS options",
  only(true),
  object('ConnectionOptions', {
    ca: secret,
    cert: secret,
    key: secret,
    passphrase: secret,
    servername: text,
    minVersion: choice('TLSv1.2', 'TLSv1.3'),
    maxVersion: choice('TLSv1.2', 'TLSv1.3'),
    rejectUnauthorized: flag,
  }),
)

const address = object('SentinelAddress', { host: text, port }, { required: ['host'] })

/** What may be said of a connection to Redis, wherever it goes. */
const redisConnection = {
  username: text,
  password: liveSecret,
  db: count(0),
  tls,
  insecure: flag,
  connectTimeout: duration,
  commandTimeout: duration,
  connectionName: text,
  family: number(0, 6),
  keepAlive: number(0),
  noDelay: flag,
  storeName: text,
  maxValueBytes: count(1),
  maxKeyBytes: count(1),
}

export const redisOptions = {
  host: text,
  port,
  path: text,
  ...redisConnection,
  name: text,
  sentinels: list(address),
  sentinelUsername: text,
  sentinelPassword: secret,
  enableTLSForSentinelMode: flag,
  cluster: list(either("'host:port', or an object with host and port", text, address)),
  readFrom: choice('primary', 'replica'),
  maxLag: duration,
  natMap: map(address, 'pattern'),
}
export const redisNode = object('RedisStoreOptions', redisOptions)

const servers = list(either("'host:port', or an object with host and port", text, ringServer))

export const shardedRedisOptions = {
  servers,
  ring: reference('rings'),
  connection: object('RedisShardConnection', redisConnection),
  ...fleetShape,
  ...ringShape,
}
export const shardedRedisNode = object('ShardedRedisOptions', shardedRedisOptions, {
  oneOf: ['servers', 'ring'],
})

export const memcachedOptions = {
  servers,
  ring: reference('rings'),
  protocol: choice('binary', 'meta'),
  tls,
  username: text,
  password: liveSecret,
  connectTimeout: duration,
  commandTimeout: duration,
  insecure: flag,
  itemBytes: count(16_384),
  maxValueBytes: count(1),
  name: text,
  ...fleetShape,
  gutter: reference('stores'),
  ...ringShape,
}
export const memcachedNode = object('MemcachedStoreOptions', memcachedOptions, {
  oneOf: ['servers', 'ring'],
})

export const diskOptions = { directory: text, maxBytes: count(1), maxEntries: count(1) }
export const diskNode = object('DiskStoreOptions', diskOptions, {
  required: ['directory', 'maxBytes'],
})

const pair = object('SigningPair', { key: secret, salt: secret }, { required: ['key', 'salt'] })

/** Of `createImageHandler`, where an image cache is to be served. */
export const imageHandlerOptions = {
  signing: object('SigningOptions', { pairs: list(pair), required: flag }, { required: ['pairs'] }),
  expose: either(
    'true, false or an object with age, cacheStatus and tags',
    flag,
    object('ExposeOptions', { age: flag, cacheStatus: flag, tags: flag }),
  ),
  throttle: object(
    'ThrottleOptions',
    { perSecond: number(0), burst: number(1), clients: count(1) },
    { required: ['perSecond'] },
  ),
  base: text,
}

export const imageOptions = {
  cache: reference('caches'),
  origins: list(
    either(
      'the address of an origin, or an object with match',
      text,
      object(
        'OriginOptions',
        {
          match: text,
          headers: map(secret, 'pattern'),
          ports: list(port),
          concurrency: count(1),
          ttl: duration,
        },
        { required: ['match'] },
      ),
    ),
  ),
  limits: object('LimitOptions', {
    bytes,
    pixels: count(1),
    side: count(1),
    redirects: count(0),
    deadline: duration,
  }),
  types: list(choice('jpeg', 'png', 'gif', 'webp', 'avif', 'svg')),
  network: object('NetworkOptions', {
    schemes: list(choice('http', 'https')),
    ports: list(port),
    allowPrivate: list(text),
    ca: either('certificates in PEM, or a list of them', secret, list(secret)),
  }),
  freshness: object('FreshnessOptions', {
    min: duration,
    max: duration,
    heuristic: flag,
    staleWhileRevalidate: duration,
    staleIfError: duration,
    negative: duration,
    errorTtl: duration,
    retryAfterError: duration,
  }),
  key: object('KeyOptions', {
    preset: choice('s3', 'gcs', 'azure', 'cloudfront'),
    sortQuery: flag,
    dropQuery: list(anyText),
    secret,
  }),
  verify: choice('header', 'decode'),
  poll: list(
    object(
      'PollOptions',
      { match: text, every: duration, concurrency: count(1), images: count(1) },
      { required: ['match', 'every'] },
    ),
  ),
  cdnId: text,
}
export const imageNode = object(
  'ImageCacheOptions',
  { ...imageOptions, handler: object('ImageHandlerOptions', imageHandlerOptions) },
  { required: ['cache', 'origins'] },
)
