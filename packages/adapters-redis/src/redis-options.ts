import { type Duration, InvalidOptionError } from '@holdfast/core'
import {
  checkTls,
  nearestName,
  type PasswordSetting,
  readSpan,
  refusePublicPlaintext,
  type TlsSetting,
  unmet,
} from '@holdfast/core/adapter'
import type { RedisOptions } from 'ioredis'
import { refuseUnknownOptions } from './known-options.ts'
import { refuseWrongKinds } from './option-kinds.ts'
import { checkedAddress, parseServerAddress, type ServerAddress } from './server-address.ts'

/** What this adapter sets itself, because a cache needs it so: see the README of this package. */
export type ManagedRedisOption =
  | 'autoPipeliningIgnoredCommands'
  | 'autoResendUnfulfilledCommands'
  | 'autoResubscribe'
  | 'disconnectTimeout'
  | 'enableAutoPipelining'
  | 'enableOfflineQueue'
  | 'enableReadyCheck'
  | 'failoverDetector'
  | 'keyPrefix'
  | 'lazyConnect'
  | 'maxRetriesPerRequest'
  | 'monitor'
  | 'password'
  | 'reconnectOnError'
  | 'preferredSlaves'
  | 'replyMapping'
  | 'retryStrategy'
  | 'role'
  | 'sentinelMaxConnections'
  | 'sentinelReconnectStrategy'
  | 'sentinelRetryStrategy'
  | 'socketTimeout'
  | 'stringNumbers'
  | 'tls'
  | 'updateSentinels'

/** A node of a cluster: `'host:port'`, or the same in parts. Default port 6379. */
export type ClusterNodeAddress =
  | string
  | { readonly host: string; readonly port?: number | undefined }

/** What concerns the store and not the connection: for a client that was handed in, too. */
export interface RedisStoreSettings {
  /** The store's label in messages and metrics. Default `'redis'`. */
  readonly storeName?: string
  /** How long a command may take to be answered. Default `'500ms'`. */
  readonly commandTimeout?: Duration
  /** The largest value, in bytes. Default 8 MiB. */
  readonly maxValueBytes?: number
  /** The longest key, in bytes. Default 65,536. */
  readonly maxKeyBytes?: number
}

/**
 * ioredis's own options (host, port, path, username, db, sentinels and the rest), without those this adapter sets
 * itself, plus what it adds.
 */
export interface RedisStoreOptions
  extends Omit<RedisOptions, ManagedRedisOption | 'connectTimeout' | keyof RedisStoreSettings>,
    RedisStoreSettings {
  /** How long a connect may take, with all its handshakes. Default `'500ms'`. */
  readonly connectTimeout?: Duration
  /** The password, or a function that is asked before each connect, so that it can be rotated. */
  readonly password?: PasswordSetting
  /** Node's TLS options, `true` for its defaults, or a function that is asked before each connect. */
  readonly tls?: TlsSetting
  /**
   * Nodes of a Redis Cluster, to ask for the others; two or three will do. For a server that only calls its address a
   * "cluster endpoint" and has one primary, give `host`.
   */
  readonly cluster?: readonly ClusterNodeAddress[]
  /**
   * Where values are read: at the primary (default), or at a replica as long as it is not further behind than
   * `maxLag`. What this process wrote it reads from the primary all the same.
   */
  readonly readFrom?: 'primary' | 'replica'
  /** How far a replica may be behind to be read from. Default `'1s'`. Measured once a second; unknown counts as more. */
  readonly maxLag?: Duration
  /** Allows bytes in clear to a public address, and TLS without a check of the certificate. Default false. */
  readonly insecure?: boolean
}

export interface ResolvedSettings {
  readonly storeName: string
  readonly commandTimeoutMs: number
  readonly maxValueBytes: number
  readonly maxKeyBytes: number
}

export const settingNames = Object.keys({
  storeName: true,
  commandTimeout: true,
  maxValueBytes: true,
  maxKeyBytes: true,
} satisfies Record<keyof RedisStoreSettings, true>)

/**
 * For what is given beside a connection; `where` says of what, and a verb.
 * @throws {InvalidOptionError}
 */
export function refuseUnknownSettings(
  settings: object,
  names: readonly string[],
  where: string,
): void {
  if (typeof settings !== 'object' || settings === null)
    throw new InvalidOptionError(`${where} to be an object with ${names.join(', ')}`)
  const unknown = Object.keys(settings).find((name) => !names.includes(name))
  if (unknown === undefined) return
  const near = nearestName(unknown, names)
  throw new InvalidOptionError(
    `${where} no option '${unknown.slice(0, 40)}'; ${near === undefined ? `they are ${names.join(', ')}` : `give ${near}`}`,
  )
}

/** @throws {InvalidOptionError} */
export function resolveSettings(settings: RedisStoreSettings): ResolvedSettings {
  refuseWrongKinds({ storeName: settings.storeName })
  return {
    storeName: settings.storeName ?? 'redis',
    commandTimeoutMs: spanMs('commandTimeout', settings.commandTimeout ?? 500),
    maxValueBytes: positive('maxValueBytes', settings.maxValueBytes ?? 8 * 1024 * 1024),
    maxKeyBytes: positive('maxKeyBytes', settings.maxKeyBytes ?? 65_536),
  }
}

/**
 * Refuses what can be refused before anything is connected.
 * @throws {InvalidOptionError}
 */
export function checkConnectionOptions(options: RedisStoreOptions): void {
  if ((options as RedisOptions).keyPrefix) {
    throw new InvalidOptionError(
      'keyPrefix would apply to some commands and not to others; use the namespace of the cache, or prefixedStore',
    )
  }
  refuseUnknownOptions(options)
  refuseWrongKinds(options)
  if (options.port !== undefined) checkPort(options.port)
  spanMs('connectTimeout', options.connectTimeout ?? 500)
  if (typeof options.tls === 'object') checkTls(options.tls, options.insecure === true)
  checkTopology(options)
  if (options.tls !== undefined || options.insecure === true || options.path) return
  const { sentinels = [], cluster = [] } = options
  const nodes = cluster.map((node) => (typeof node === 'string' ? hostOf(node) : node.host))
  for (const host of [options.host, ...sentinels.map((each) => each.host), ...nodes]) {
    if (host !== undefined) refusePublicPlaintext(withoutBrackets(host), 'redis')
  }
}

const hostOf = (address: string) => parseServerAddress(address)?.host ?? address

/** One server, sentinels that know one, or a cluster: each is said, and nothing is guessed. */
function checkTopology(options: RedisStoreOptions): void {
  const { cluster, sentinels, name, readFrom, maxLag } = options
  if (cluster !== undefined) {
    namedNodes(cluster)
    const beside = (['host', 'port', 'path', 'sentinels'] as const).find(
      (option) => options[option] !== undefined,
    )
    if (beside !== undefined)
      throw new InvalidOptionError(`cluster names the nodes itself; leave out ${beside}`)
    if (options.db)
      throw new InvalidOptionError(
        'a cluster has the database 0 alone; leave out db, use a namespace',
      )
  }
  if (sentinels !== undefined) {
    if (!Array.isArray(sentinels) || sentinels.length === 0)
      throw new InvalidOptionError("sentinels expects addresses such as [{ host: '10.0.0.1' }]")
    if (typeof name !== 'string' || name === '')
      throw new InvalidOptionError('sentinels needs name: what they call the primary')
    sentinels.forEach((sentinel, index) => {
      if (checkedAddress(sentinel?.host, sentinel?.port ?? 26_379) === undefined)
        throw new InvalidOptionError(`sentinels[${index}] must be an object with host and port`)
    })
  }
  if (readFrom !== undefined && readFrom !== 'primary' && readFrom !== 'replica')
    throw new InvalidOptionError(`readFrom expects 'primary' or 'replica', not ${String(readFrom)}`)
  if (maxLag !== undefined) {
    if (readFrom !== 'replica') throw new InvalidOptionError("maxLag needs readFrom: 'replica'")
    maxLagMs(maxLag)
  }
}

/** @throws {InvalidOptionError} */
export const maxLagMs = (maxLag: Duration): number => spanMs('maxLag', maxLag)

/** @throws {InvalidOptionError} */
export function spanMs(option: string, span: Duration): number {
  const ms = readSpan(span, option)
  if (ms < Number.POSITIVE_INFINITY) return ms
  throw unmet(option, "a duration above 0 such as '1s'", span)
}

/** @throws {InvalidOptionError} */
export function namedNodes(nodes: readonly ClusterNodeAddress[]): ServerAddress[] {
  if (!Array.isArray(nodes) || nodes.length === 0)
    throw new InvalidOptionError("cluster expects nodes such as ['10.0.0.1:6379', '10.0.0.2:6379']")
  return nodes.map((node: ClusterNodeAddress, index) => {
    const address =
      typeof node === 'string'
        ? (parseServerAddress(node) ?? checkedAddress(node, defaultPort))
        : checkedAddress(node?.host, node?.port ?? defaultPort)
    if (address === undefined)
      throw new InvalidOptionError(
        `cluster[${index}] must be 'host:port' or an object with host and port`,
      )
    return address
  })
}

const defaultPort = 6_379

const withoutBrackets = (host: string) => host.replace(/^\[(.*)\]$/, '$1')

function checkPort(port: unknown): void {
  const number = Number(port)
  if (Number.isInteger(number) && number >= 1 && number <= 65_535) return
  throw new InvalidOptionError('port expects a whole number from 1 to 65535')
}

function positive(name: string, value: number): number {
  if (typeof value === 'number' && value > 0) return value
  throw new InvalidOptionError(`${name} expects a number above 0, not ${String(value)}`)
}
