import type { ConnectionOptions } from 'node:tls'
import { InvalidOptionError } from '@holdfast/core'
import type { RedisOptions } from 'ioredis'
import { refusePublicPlaintext } from './address-policy.ts'

/** What this adapter sets itself, because a cache needs it so: see the README of this package. */
export type ManagedRedisOption =
  | 'autoPipeliningIgnoredCommands'
  | 'autoResendUnfulfilledCommands'
  | 'autoResubscribe'
  | 'disconnectTimeout'
  | 'enableAutoPipelining'
  | 'enableOfflineQueue'
  | 'enableReadyCheck'
  | 'keyPrefix'
  | 'lazyConnect'
  | 'maxRetriesPerRequest'
  | 'monitor'
  | 'password'
  | 'reconnectOnError'
  | 'replyMapping'
  | 'retryStrategy'
  | 'socketTimeout'
  | 'stringNumbers'
  | 'tls'

/** What concerns the store and not the connection: for a client that was handed in, too. */
export interface RedisStoreSettings {
  /** The store's label in messages and metrics. Default `'redis'`. */
  readonly storeName?: string
  /** How long a command may take to be answered, in milliseconds. Default 500. */
  readonly commandTimeout?: number
  /** The largest value, in bytes. Default 8 MiB. */
  readonly maxValueBytes?: number
  /** The longest key, in bytes. Default 65,536. */
  readonly maxKeyBytes?: number
}

/**
 * ioredis's own options (host, port, path, username, db, sentinels and the rest), without those this adapter sets
 * itself, plus what it adds. `connectTimeout` bounds a connect with all its handshakes; default 500 ms.
 */
export interface RedisStoreOptions
  extends Omit<RedisOptions, ManagedRedisOption | keyof RedisStoreSettings>,
    RedisStoreSettings {
  /** The password, or a function that is asked before each connect, so that it can be rotated. */
  readonly password?: string | (() => string | Promise<string>)
  /** Node's TLS options, `true` for its defaults, or a function that is asked before each connect. */
  readonly tls?: true | ConnectionOptions | (() => ConnectionOptions | Promise<ConnectionOptions>)
  /** Allows bytes in clear to a public address, and TLS without a check of the certificate. Default false. */
  readonly insecure?: boolean
}

export interface ResolvedSettings {
  readonly storeName: string
  readonly commandTimeoutMs: number
  readonly maxValueBytes: number
  readonly maxKeyBytes: number
}

/** @throws {InvalidOptionError} */
export function resolveSettings(settings: RedisStoreSettings): ResolvedSettings {
  return {
    storeName: settings.storeName ?? 'redis',
    commandTimeoutMs: positive('commandTimeout', settings.commandTimeout ?? 500),
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
  if (options.port !== undefined) checkPort(options.port)
  positive('connectTimeout', options.connectTimeout ?? 500)
  if (typeof options.tls === 'object') checkTls(options.tls, options.insecure === true)
  if (options.tls !== undefined || options.insecure === true || options.path) return
  const sentinels = options.sentinels?.map((sentinel) => sentinel.host) ?? []
  for (const host of [options.host, ...sentinels]) {
    if (host !== undefined) refusePublicPlaintext(withoutBrackets(host))
  }
}

/**
 * Refuses TLS that would accept any certificate.
 * @throws {InvalidOptionError}
 */
export function checkTls(tls: ConnectionOptions, insecure: boolean): void {
  if (tls.rejectUnauthorized === false && !insecure) {
    throw new InvalidOptionError(
      'tls.rejectUnauthorized: false would accept any server; give its authority as tls.ca, or set insecure: true',
    )
  }
}

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
