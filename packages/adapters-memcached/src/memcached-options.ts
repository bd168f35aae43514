import { type Clock, type Duration, InvalidOptionError } from '@holdfast/core'
import {
  backgroundClock,
  checkTls,
  type PasswordSetting,
  readBoolean,
  readClock,
  readSpan,
  readWhole,
  refuseUnknownNames,
  type TlsSetting,
  unmet,
} from '@holdfast/core/adapter'
import type { NutcrackerPool, ShardedStoreOptions } from '@holdfast/core/sharding'
import { largestValue, maxChunks } from './chunks.ts'
import type { Credentials } from './sasl.ts'
import type { MemcachedServer } from './server-address.ts'

/** How servers are spoken to: memcached's binary protocol through memjs, or its meta commands. */
export type MemcachedProtocol = 'binary' | 'meta'

/**
 * Where the servers are, how they are spoken to, and the options of `shardedStore` for what happens among several.
 */
export interface MemcachedStoreOptions extends Omit<ShardedStoreOptions, 'servers'> {
  /** Addresses, in parts or as text; or a pool of `parseNutcracker`, as it is. */
  readonly servers: readonly MemcachedServer[] | NutcrackerPool
  /**
   * `'binary'`: memjs, for every Memcached since 1.4. `'meta'`: the meta commands of 1.6, which cost less and are what
   * is left where the deprecated binary protocol is refused. Default `'binary'`.
   */
  readonly protocol?: MemcachedProtocol | undefined
  /** Node's TLS options, `true` for its defaults, or a function that is asked before each connect. Default: no TLS. */
  readonly tls?: TlsSetting | undefined
  /** For SASL PLAIN (binary), or the login of the text protocol (meta). */
  readonly username?: string | undefined
  /** The password, or a function that is asked before each connect, so that it can be rotated. */
  readonly password?: PasswordSetting | undefined
  /** How long a connect may take, TLS and login included. Default `'500ms'`. */
  readonly connectTimeout?: Duration | undefined
  /** How long a command may take to be answered. Default: `timeout` where that is given, else `'200ms'`. */
  readonly commandTimeout?: Duration | undefined
  /** Allows bytes in clear to a public address, and TLS without a check of the certificate. Default false. */
  readonly insecure?: boolean | undefined
  /** The largest item of the servers, which is what they were started with as `-I`. Default 1 MiB, as theirs. */
  readonly itemBytes?: number | undefined
  /** The largest value, in bytes; above `itemBytes` it is stored in several items. Default 8 MiB. */
  readonly maxValueBytes?: number | undefined
}

/** What is said once for all servers. */
export interface Settings {
  readonly name: string
  readonly protocol: MemcachedProtocol
  readonly tls: TlsSetting | undefined
  readonly credentials: Credentials | undefined
  readonly insecure: boolean
  readonly connectTimeoutMs: number
  readonly commandTimeoutMs: number
  readonly itemBytes: number
  readonly maxValueBytes: number
  readonly maxKeyBytes: number
  readonly clock: Clock
}

export interface Resolved {
  readonly servers: readonly MemcachedServer[]
  readonly settings: Settings
  /** Options of `shardedStore`, without its servers. */
  readonly fleet: Omit<ShardedStoreOptions, 'servers'>
  /** Options that mean something only where servers are judged: one server alone is then a fleet, too. */
  readonly isJudged: boolean
}

const ownNames = [
  'protocol',
  'tls',
  'username',
  'password',
  'connectTimeout',
  'commandTimeout',
  'insecure',
  'itemBytes',
  'maxValueBytes',
] as const
const ringNames = [
  'distribution',
  'hash',
  'hashTag',
  'charSign',
  'seed',
  'compat',
  'random',
] as const
const judgingNames = [
  'onFailure',
  'gutter',
  'gutterTtl',
  'eject',
  'quarantine',
  'journal',
  'socketsPerServer',
  'processes',
] as const
/** Fields of a pool, which are known and of no use here where the ring has none for them either. */
const poolNames = [
  'listen',
  'backlog',
  'clientConnections',
  'tcpkeepalive',
  'redis',
  'redisAuth',
  'redisDb',
  'preconnect',
  'autoEjectHosts',
  'serverConnections',
  'serverRetryTimeout',
  'serverFailureLimit',
] as const

const where = 'memcachedStore'
const MiB = 1_048_576
/** Items take at least this, so that the longest key and the head of a value fit into one. */
const leastItemBytes = 16_384
/** No server takes a larger `-I`. */
const mostItemBytes = 1_024 * MiB
const maxKeyBytes = 8_192
const readItemBytes = readWhole(leastItemBytes, mostItemBytes)

/** @throws {InvalidOptionError} naming the option, what it takes and what came. */
export function resolveOptions(given: MemcachedStoreOptions | NutcrackerPool): Resolved {
  const { servers, ...options } = withPool(given)
  refuseUnknownNames(
    options,
    [
      'servers',
      ...ownNames,
      ...ringNames,
      ...judgingNames,
      'name',
      'timeout',
      'clock',
      ...poolNames,
    ],
    where,
  )
  if (options.redis === true) {
    throw new InvalidOptionError(
      'memcachedStore needs a pool with redis: false; this one speaks redis, for which there is shardedRedis of @holdfast/redis',
    )
  }
  const insecure = readBoolean(options.insecure ?? false, 'insecure')
  const { tls } = options
  if (tls !== undefined && tls !== true && typeof tls !== 'function') checkTls(tls, insecure)
  const protocol = options.protocol ?? 'binary'
  if (protocol !== 'binary' && protocol !== 'meta') {
    throw unmet('protocol', "'binary' or 'meta'", protocol)
  }
  const { commandTimeout, timeout } = options
  const commandTimeoutMs =
    commandTimeout === undefined
      ? readSpan(spanGiven(timeout) ?? '200ms', 'timeout')
      : readSpan(commandTimeout, 'commandTimeout')
  const itemBytes = readItemBytes(options.itemBytes ?? MiB, 'itemBytes')
  const own = new Set<string>(ownNames)
  const fleet = Object.fromEntries(Object.entries(options).filter(([option]) => !own.has(option)))
  return {
    servers,
    settings: {
      name: readLabel(options.name ?? 'memcached'),
      protocol,
      tls,
      credentials: credentialsOf(options),
      insecure,
      connectTimeoutMs: readSpan(options.connectTimeout ?? '500ms', 'connectTimeout'),
      commandTimeoutMs,
      itemBytes,
      maxValueBytes: valueBytes(options.maxValueBytes ?? 8 * MiB, itemBytes),
      maxKeyBytes,
      clock: readClock(options.clock ?? backgroundClock, 'clock'),
    },
    fleet: { name: 'memcached', ...fleet },
    isJudged:
      judgingNames.some((name) => options[name] !== undefined) || options.autoEjectHosts === true,
  }
}

/** @throws {InvalidOptionError} */
function readLabel(name: unknown): string {
  if (typeof name === 'string' && name !== '') return name
  throw unmet('name', 'a non-empty string', name)
}

type Flat = Omit<MemcachedStoreOptions, 'servers'> &
  Partial<Omit<NutcrackerPool, 'servers'>> & { readonly servers: readonly MemcachedServer[] }

/** A pool may stand for all options, or for the servers. */
function withPool(given: unknown): Flat {
  const expected =
    "memcachedStore needs servers such as ['10.0.0.1:11211', '10.0.0.2:11211'], or a pool of parseNutcracker"
  if (typeof given !== 'object' || given === null) throw new InvalidOptionError(expected)
  const { servers, ...options } = given as MemcachedStoreOptions
  if (Array.isArray(servers)) return { ...options, servers } as Flat
  const pool = servers as NutcrackerPool | undefined
  if (typeof pool !== 'object' || pool === null || !Array.isArray(pool.servers)) {
    throw new InvalidOptionError(expected)
  }
  return { ...pool, ...options } as Flat
}

/** @throws {InvalidOptionError} for values that could be written and never be read. */
function valueBytes(value: unknown, itemBytes: number): number {
  const most = largestValue(itemBytes)
  if (typeof value === 'number' && value > most && most < largestValue(mostItemBytes)) {
    throw new InvalidOptionError(
      `maxValueBytes must be at most ${most}, which is what fits into ${maxChunks} items of ${itemBytes} bytes (itemBytes); it was ${value}`,
    )
  }
  return readWhole(1, most)(value, 'maxValueBytes')
}

function credentialsOf({
  username,
  password,
}: Pick<MemcachedStoreOptions, 'username' | 'password'>): Credentials | undefined {
  if (username === undefined && password === undefined) return undefined
  if (typeof username !== 'string' || username === '' || /[\0\r\n]/.test(username)) {
    throw unmet('username', 'a non-empty string without line ends, beside password', username)
  }
  if (typeof password !== 'function' && (typeof password !== 'string' || password === '')) {
    // It may well be a number, by mistake, so that only its kind is told.
    throw new InvalidOptionError(
      `password must be a non-empty string or a function that gives one, beside username; it was ${password === '' ? 'empty' : `of type ${typeof password}`}`,
    )
  }
  return { username, password }
}

/** A pool's 0 is no limit, which is none for a command either. */
const spanGiven = (timeout: Duration | undefined): Duration | undefined =>
  timeout === 0 ? undefined : timeout
