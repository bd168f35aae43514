import { type Clock, type Duration, InvalidOptionError } from '@holdfast/core'
import type { NutcrackerPool, ShardedStoreOptions } from '@holdfast/core/sharding'
import { systemClock } from './clock.ts'
import { refuseUnknownOptions } from './known-options.ts'
import type { Credentials } from './sasl.ts'
import type { MemcachedServer } from './server-address.ts'
import { checkTls, type TlsSetting } from './tls-options.ts'

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
  readonly password?: string | (() => string | Promise<string>) | undefined
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
/** Items take at least this, so that the longest key and the head of a value fit into one. */
const leastItemBytes = 16_384
const maxKeyBytes = 8_192

/** @throws {InvalidOptionError} naming the option, what it takes and what came. */
export function resolveOptions(given: MemcachedStoreOptions | NutcrackerPool): Resolved {
  const { servers, ...options } = withPool(given)
  refuseUnknownOptions(
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
  const insecure = options.insecure ?? false
  if (typeof insecure !== 'boolean') throw unmet('insecure', 'true or false', insecure)
  const { tls } = options
  if (tls !== undefined && tls !== true && typeof tls !== 'function') {
    if (typeof tls !== 'object' || tls === null) {
      throw unmet('tls', "true, an object of Node's TLS options, or a function that gives one", tls)
    }
    checkTls(tls, insecure)
  }
  const protocol = options.protocol ?? 'binary'
  if (protocol !== 'binary' && protocol !== 'meta') {
    throw unmet('protocol', "'binary' or 'meta'", protocol)
  }
  const { commandTimeout = spanGiven(options.timeout) ?? '200ms' } = options
  const own = new Set<string>(ownNames)
  const fleet = Object.fromEntries(Object.entries(options).filter(([option]) => !own.has(option)))
  return {
    servers,
    settings: {
      name: options.name ?? 'memcached',
      protocol,
      tls,
      credentials: credentialsOf(options),
      insecure,
      connectTimeoutMs: span('connectTimeout', options.connectTimeout ?? '500ms'),
      commandTimeoutMs: span('commandTimeout', commandTimeout),
      itemBytes: count('itemBytes', options.itemBytes ?? 1_048_576, leastItemBytes),
      maxValueBytes: count('maxValueBytes', options.maxValueBytes ?? 8 * 1_048_576, 1),
      maxKeyBytes,
      clock: options.clock ?? systemClock,
    },
    fleet: { name: 'memcached', ...fleet },
    isJudged:
      judgingNames.some((name) => options[name] !== undefined) || options.autoEjectHosts === true,
  }
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

function credentialsOf({
  username,
  password,
}: Pick<MemcachedStoreOptions, 'username' | 'password'>): Credentials | undefined {
  if (username === undefined && password === undefined) return undefined
  if (typeof username !== 'string' || username === '' || /[\0\r\n]/.test(username)) {
    throw unmet('username', 'a non-empty string without line ends, beside password', username)
  }
  if (typeof password !== 'function' && (typeof password !== 'string' || password === '')) {
    throw unmet(
      'password',
      'a non-empty string or a function that gives one, beside username',
      password,
    )
  }
  return { username, password }
}

const units: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
}

/** @throws {InvalidOptionError} unless it is a span of time above 0, in milliseconds. */
function span(option: string, value: unknown): number {
  const [, amount, unit = ''] = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(String(value)) ?? []
  const ms = typeof value === 'number' ? value : Number(amount) * (units[unit] ?? Number.NaN)
  if (ms > 0) return ms
  throw unmet(
    option,
    "milliseconds above 0 as a number, or a string such as '250ms' or '2s'",
    value,
  )
}

/** A pool's 0 is no limit, which is none for a command either. */
const spanGiven = (timeout: Duration | undefined): Duration | undefined =>
  timeout === 0 ? undefined : timeout

function count(option: string, value: unknown, least: number): number {
  if (Number.isSafeInteger(value) && (value as number) >= least) return value as number
  throw unmet(option, `a whole number from ${least} on`, value)
}

/** What came is told by its kind, since it may hold a secret. */
function unmet(option: string, expected: string, value: unknown): InvalidOptionError {
  const isTellable = typeof value === 'number' || typeof value === 'boolean' || value === undefined
  return new InvalidOptionError(
    `${option} must be ${expected}; it was ${isTellable ? String(value) : `of type ${value === null ? 'null' : typeof value}`}`,
  )
}
