import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import { type Clock, StoreError } from '@holdfast/core'
import { passwordNow, refusePublicPlaintext, tlsNow, whenTurnEnds } from '@holdfast/core/adapter'
import type { AuthPace, Verdict } from './auth-pace.ts'
import { Deadlines, Wait } from './deadlines.ts'
import { cutOff, type RedisClient } from './redis-client.ts'
import { closedError, type Place, refusalCode, storeError, timedOut } from './redis-errors.ts'
import { type RedisStoreOptions, spanMs } from './redis-options.ts'
import type { ServerAddress } from './server-address.ts'

/** Opens one connection, once: a client that is lost is thrown away, and the next one starts from nothing. `begun` gets it before it is connected. */
export type OpenClient = (begun?: (client: RedisClient) => void) => Promise<RedisClient>

/** Makes an unconnected client of ioredis. */
export type CreateClient = (options: object) => RedisClient

/** What a cache needs of its client. Numbers and reasons: the README of this package. */
export const managedOptions = {
  // Connecting again is this package's work, with a new client: nothing survives from the old connection.
  retryStrategy: () => null,
  lazyConnect: true,
  // Nothing waits in a queue to be executed when nobody wants it any more.
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  maxRetriesPerRequest: 0,
  autoResubscribe: false,
  enableAutoPipelining: false,
  // It would need the right to INFO; a first PING says as much.
  enableReadyCheck: false,
  disableClientInfo: true,
  // The whole handshake has a deadline that knows of blocked event loops; a socket's own timer does not.
  connectTimeout: 0,
  // A connection is cut off at once; ioredis would hold a timer for 2 s after each.
  disconnectTimeout: 0,
} as const

const defaultConnectTimeoutMs = 500
const handshakeName = 'connect'

export interface OpenOptions {
  readonly options: RedisStoreOptions
  readonly create: CreateClient
  readonly clock: Clock
  readonly pace: AuthPace
  readonly store: string
  readonly purpose: 'commands' | 'bus'
  /** Where to connect, asked before each connect. Default: what the options say. */
  readonly locate?: (() => Promise<ServerAddress>) | undefined
  /** Looks at a server that has let us in, before it is used; rejects where it is not the right one. */
  readonly verify?:
    | ((client: RedisClient, at: ServerAddress | undefined) => Promise<void>)
    | undefined
}

/** For a client of our own. Password, TLS options and the meaning of a host name are asked for at each connect. */
export function ownClientOpener({
  options,
  create,
  clock,
  pace,
  store,
  purpose,
  locate,
  verify,
}: OpenOptions): OpenClient {
  const { password, tls, insecure, storeName, maxKeyBytes, maxValueBytes, ...rest } = options
  const { commandTimeout, cluster, readFrom, maxLag, natMap, ...others } = rest
  const { sentinels, name, sentinelUsername, sentinelPassword, ...forClient } = others
  const place: Place = { store, operation: handshakeName }
  const connectTimeout = options.connectTimeout ?? defaultConnectTimeoutMs
  const deadlines = new Deadlines(clock, spanMs('connectTimeout', connectTimeout))

  const openWith: OpenClient = async (begun) => {
    const secret =
      password === undefined ? undefined : await provided(place, passwordNow(password, clock))
    const tlsOptions = await provided(place, tlsNow(tls, insecure === true, clock))
    const located = await locate?.()
    const there = { ...place, at: addressOf({ ...options, ...located }) }
    const host = await hostNow({ ...options, ...located }, tlsOptions !== undefined, there)
    const client = create({
      ...forClient,
      ...located,
      ...(host === undefined ? {} : { host }),
      ...(secret === undefined ? {} : { password: secret }),
      ...(tlsOptions === undefined ? {} : { tls: tlsOptions }),
      ...managedOptions,
    })
    begun?.(client)
    return handshake(client, deadlines, there, (each) => verify?.(each, located))
  }

  return async (begun) => {
    if (password === undefined) return openWith(begun)
    const judged = await pace.turn(purpose)
    let verdict: Verdict = 'undecided'
    try {
      const client = await openWith(begun)
      verdict = 'accepted'
      return client
    } catch (error) {
      if (error instanceof StoreError && error.kind === 'auth') verdict = error
      throw error
    } finally {
      judged(verdict)
    }
  }
}

/** For a second connection beside a client that was handed in. */
export function duplicateOpener(handed: RedisClient, clock: Clock, store: string): OpenClient {
  const deadlines = new Deadlines(clock, defaultConnectTimeoutMs)
  return () => {
    const client = handed.duplicate(managedOptions)
    return handshake(client, deadlines, { store, operation: handshakeName })
  }
}

async function handshake(
  client: RedisClient,
  deadlines: Deadlines,
  place: Place,
  verify?: (client: RedisClient) => Promise<void> | undefined,
): Promise<RedisClient> {
  let reason: unknown
  // The reason comes as an event, and what `connect` rejects with says only that it is over.
  client.on('error', (error) => {
    reason = error
  })
  let wait: Wait | undefined
  const late = new Promise<never>((_, reject) => {
    wait = new Wait(
      () => reject(timedOut(place, deadlines.spanMs, 'connectTimeout', client)),
      () => reject(closedError(place)),
    )
    deadlines.add(wait)
  })
  try {
    await Promise.race([connectAndAsk(client).then(() => verify?.(client)), late])
    // Where the default user needs no password, a refused login is answered to the PING all the same.
    await new Promise<void>(whenTurnEnds)
    if (reason !== undefined) throw reason
    return client
  } catch (error) {
    cutOff(client)
    throw storeError(reason ?? error, place)
  } finally {
    if (wait !== undefined) deadlines.remove(wait)
  }
}

/** ioredis 5 is ready before the server has judged the password, so only an answer proves a connection. */
async function connectAndAsk(client: RedisClient): Promise<void> {
  await client.connect()
  try {
    await client.callBuffer('PING', [])
  } catch (error) {
    // A user without the right to PING has been let in all the same.
    if (refusalCode(error) !== 'NOPERM') throw error
  }
}

/** A function that was given as an option gave nothing: said of the store that wanted it. */
async function provided<T>({ store, operation }: Place, asking: Promise<T>): Promise<T> {
  try {
    return await asking
  } catch (error) {
    if (!(error instanceof StoreError)) throw error
    const { kind, retryable, message } = error
    throw new StoreError(`${operation} of the store '${store}' failed: ${message}`, {
      ...{ kind, store, operation, retryable },
    })
  }
}

/** For messages: where we wanted to go, as it was written. */
const addressOf = ({ path, host = 'localhost', port = 6_379 }: RedisStoreOptions) =>
  path ?? `${host.includes(':') ? `[${host}]` : host}:${port}`

/** In clear, a name is resolved here, so that the address which is judged is the one that is spoken to. */
async function hostNow(
  { host, path, insecure, family }: RedisStoreOptions,
  hasTls: boolean,
  place: Place,
): Promise<string | undefined> {
  if (hasTls || insecure === true || path || host === undefined || host === 'localhost') return host
  if (isIP(host) !== 0) {
    refusePublicPlaintext(host, 'redis')
    return host
  }
  const wanted = { family: family === 4 || family === 6 ? family : 0 }
  const { address } = await lookup(host, wanted).catch((error: unknown) => {
    throw storeError(error, place)
  })
  refusePublicPlaintext(address, 'redis')
  return address
}
