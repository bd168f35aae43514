import { InvalidOptionError } from '@holdfast/core'
import { nearestName } from '@holdfast/core/adapter'
import type { ManagedRedisOption, RedisStoreOptions } from './redis-options.ts'

/** Every option that a store or a bus takes, ioredis 5 and 6 together; the type says when one is missing. */
const known = {
  autoPipeliningIgnoredCommands: true,
  autoResendUnfulfilledCommands: true,
  autoResubscribe: true,
  blockingTimeout: true,
  blockingTimeoutGrace: true,
  clientInfoTag: true,
  cluster: true,
  commandQueue: true,
  commandTimeout: true,
  connectionName: true,
  Connector: true,
  connectTimeout: true,
  db: true,
  disableClientInfo: true,
  disconnectTimeout: true,
  enableAutoPipelining: true,
  enableOfflineQueue: true,
  enableReadyCheck: true,
  enableTLSForSentinelMode: true,
  failoverDetector: true,
  family: true,
  himportFieldsets: true,
  host: true,
  insecure: true,
  keepAlive: true,
  keyPrefix: true,
  lazyConnect: true,
  maxKeyBytes: true,
  maxLag: true,
  maxLoadingRetryTime: true,
  maxRetriesPerRequest: true,
  maxValueBytes: true,
  monitor: true,
  name: true,
  natMap: true,
  noDelay: true,
  offlineQueue: true,
  password: true,
  path: true,
  port: true,
  preferredSlaves: true,
  protocol: true,
  readFrom: true,
  readOnly: true,
  reconnectOnError: true,
  replyMapping: true,
  retryStrategy: true,
  role: true,
  scripts: true,
  sentinelCommandTimeout: true,
  sentinelMaxConnections: true,
  sentinelPassword: true,
  sentinelReconnectStrategy: true,
  sentinelRetryStrategy: true,
  sentinels: true,
  sentinelTLS: true,
  sentinelUsername: true,
  showFriendlyErrorStack: true,
  socketTimeout: true,
  storeName: true,
  stringNumbers: true,
  tls: true,
  updateSentinels: true,
  username: true,
} satisfies Record<keyof RedisStoreOptions | ManagedRedisOption, true>

const names = Object.keys(known)

/** What other clients call it, or write instead of it. */
const elsewhere: Readonly<Record<string, string>> = {
  url: 'host and port, or a client: redisStore(new Redis(url))',
  uri: 'host and port, or a client: redisStore(new Redis(url))',
  socket: 'host and port',
  database: 'db',
  user: 'username',
  pass: 'password',
  auth: 'password',
  nodes: 'cluster',
}

export const isConnectionOption = (name: string): boolean => Object.hasOwn(known, name)

/**
 * Refuses an option that does not exist: a misspelt `host` would otherwise mean this machine. `instead` has a better
 * word for some of those that were meant.
 * @throws {InvalidOptionError}
 */
export function refuseUnknownOptions(
  options: object,
  where = 'redisStore and redisBus have',
  instead: (name: string) => string | undefined = () => undefined,
): void {
  for (const name of Object.keys(options)) {
    if (isConnectionOption(name)) continue
    const near = Object.hasOwn(elsewhere, name) ? elsewhere[name] : nearestName(name, names)
    const hint =
      near === undefined ? 'it takes the options of ioredis' : (instead(near) ?? `give ${near}`)
    throw new InvalidOptionError(`${where} no option '${name.slice(0, 40)}'; ${hint}`)
  }
}
