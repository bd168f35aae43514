import { ClosedError, InvalidOptionError, StoreError, type StoreErrorKind } from '@holdfast/core'
import { awaitsTls, type RedisClient } from './redis-client.ts'

/** The first word of a refusal is its code; engines and versions agree on nothing behind it. */
const kindOfCode: Readonly<Record<string, StoreErrorKind>> = {
  WRONGPASS: 'auth',
  NOAUTH: 'auth',
  NOPERM: 'denied',
  OOM: 'full',
  MISCONF: 'read-only',
  READONLY: 'read-only',
  NOREPLICAS: 'read-only',
  LOADING: 'unavailable',
  BUSY: 'unavailable',
  MASTERDOWN: 'unavailable',
  CLUSTERDOWN: 'unavailable',
  TRYAGAIN: 'unavailable',
  UNKILLABLE: 'unavailable',
  MOVED: 'denied',
  ASK: 'denied',
  CROSSSLOT: 'denied',
}

/** What to do about it, where there is something to do. */
const adviceOfCode: Readonly<Record<string, string>> = {
  WRONGPASS: 'check username and password',
  NOAUTH: 'give username and password',
  NOPERM: 'grant this user the commands and keys of the documented ACL',
  OOM: 'raise maxmemory or choose a maxmemory-policy that evicts',
  MISCONF: 'the server cannot save to disk and refuses writes; see its log',
  READONLY: 'the server is a replica; connect to the primary',
  MOVED: 'the server is part of a cluster; name its nodes as cluster',
  CROSSSLOT: 'the server is part of a cluster; name its nodes as cluster',
  LOADING: 'the server is still reading its data from disk',
}

/** Texts that begin with the general ERR and are told apart all the same, by words no engine has changed. */
const generalRefusals: [RegExp, StoreErrorKind][] = [
  [/max number of clients/i, 'overloaded'],
  [/unknown command|unknown subcommand/i, 'denied'],
  [/AUTH|password/i, 'auth'],
  [/out of memory/i, 'full'],
]

/** Said of a refusal without a code of its own. */
const adviceOfText: [RegExp, string][] = [
  [
    /unknown command|by Sentinel/i,
    'it does not know the command; is it a Redis of 6.2 or later, and no sentinel?',
  ],
]

/** Errors of the network and of the client that say that the connection is gone, by code or by first words. */
const lostConnection =
  /^(Connection is closed|Stream isn't writeable|Command aborted|Reached the max retries|Socket timeout|All sentinels are unreachable|Socket closed|write after end)/

/** A reply of the wrong shape: it answers another command, and so may all that follow on that connection. */
export class ReplyMismatch extends Error {
  constructor() {
    super('the reply does not fit its command')
    this.name = 'ReplyMismatch'
  }
}

/** A redirection that no honest node of a cluster sends. */
export class FalseRedirection extends Error {
  constructor() {
    super('a node of the cluster redirected to what is no node of it')
    this.name = 'FalseRedirection'
  }
}

export interface Place {
  readonly store: string
  readonly operation: string
  /** The server's address, where the message shall name it. */
  readonly at?: string | undefined
}

/** The code of a refusal by the server, `undefined` for every other error. */
export function refusalCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || error.name !== 'ReplyError') return undefined
  return /^[A-Z][A-Z0-9_]*/.exec(error.message)?.[0] ?? 'ERR'
}

/**
 * An error of ioredis, of the network or of the server as a typed one. The original is not kept as the cause: ioredis
 * hangs the command with all its arguments on it, passwords and values included, and quotes replies in messages.
 */
export function storeError(error: unknown, place: Place): StoreError | ClosedError {
  if (error instanceof StoreError || error instanceof ClosedError) return error
  const { store, operation } = place
  const what = whatAt(place)
  const details = { store, operation, cause: bareCause(error) }
  const code = refusalCode(error)
  if (code !== undefined) {
    const { message } = error as Error
    const kind = kindOfCode[code] ?? kindOfText(message)
    const advice = adviceOfCode[code] ?? adviceOfText.find(([words]) => words.test(message))?.[1]
    return new StoreError(
      `${what} was refused by the server with ${code}${advice ? `: ${advice}` : ''}`,
      // A replica that refuses writes is left for the primary by connecting again.
      { ...details, kind, ...(code === 'READONLY' ? { retryable: true } : {}) },
    )
  }
  if (error instanceof ReplyMismatch) {
    return new StoreError(
      `${what} got a reply that is none to its command; the connection was given up`,
      { ...details, kind: 'protocol', retryable: true },
    )
  }
  if (error instanceof FalseRedirection) {
    return new StoreError(`${what} failed: ${error.message}`, {
      ...details,
      kind: 'protocol',
      retryable: true,
    })
  }
  if (error instanceof InvalidOptionError) {
    return new StoreError(`${what} failed: ${error.message}`, {
      ...details,
      kind: 'denied',
    })
  }
  const reason = error instanceof Error ? reasonOf(error) : 'an unknown error'
  return new StoreError(`${what} failed: ${reason}`, {
    ...details,
    kind: error instanceof Error ? kindOfFailure(error) : 'unknown',
  })
}

const whatAt = ({ store, operation, at }: Place) =>
  `${operation} on the store '${store}'${at === undefined ? '' : ` (${at})`}`

const kindOfText = (message: string): StoreErrorKind =>
  generalRefusals.find(([words]) => words.test(message))?.[1] ?? 'unknown'

function kindOfFailure(error: Error): StoreErrorKind {
  const code = codeOf(error)
  if (isCertificateFault(code)) return 'auth'
  if (code === 'ETIMEDOUT') return 'timeout'
  if (code !== undefined && /^E[A-Z]/.test(code)) return 'unavailable'
  if (lostConnection.test(error.message)) return 'unavailable'
  return isProtocolFault(error) ? 'protocol' : 'unavailable'
}

const isProtocolFault = ({ name, message }: Error) =>
  name === 'ParserError' || /protocol|RESP/i.test(message)

/** The names Node and OpenSSL give to a certificate that is not to be trusted. */
const isCertificateFault = (code: string | undefined) =>
  code !== undefined && /CERT|SELF_SIGNED|UNABLE_TO|ERR_TLS|ERR_SSL/.test(code)

/** What OpenSSL says of an answer in clear. */
const isNoTls = (code: string) =>
  /^ERR_SSL_(WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|HTTP_REQUEST)$/.test(code)

const codeOf = (error: Error): string | undefined =>
  'code' in error && typeof error.code === 'string' ? error.code : undefined

/** System errors name what happened and where; other texts may quote what came over the wire. */
function reasonOf(error: Error): string {
  const code = codeOf(error)
  if (code !== undefined && isNoTls(code))
    return `what came is no TLS (${code}); does the server speak it? See tls`
  if (code !== undefined) return isCertificateFault(code) ? `TLS was refused with ${code}` : code
  if (lostConnection.test(error.message)) return 'the connection is closed'
  if (isProtocolFault(error)) return 'what came is no reply of Redis; is it one?'
  return error.name
}

function bareCause(error: unknown): Error {
  if (!(error instanceof Error)) return new Error('something that is no Error was thrown')
  const code = refusalCode(error)
  const bare = new Error(code ?? reasonOf(error))
  bare.name = error.name
  return Object.assign(bare, codeOf(error) === undefined ? {} : { code: codeOf(error) })
}

/** The failure of a connect, as what it means to a call that needed the connection. */
export function withoutConnection(failure: unknown, place: Place): StoreError | ClosedError {
  if (failure instanceof ClosedError) return closedError(place)
  const { kind, retryable, message } = storeError(failure, place) as StoreError
  return new StoreError(
    `${place.operation} on the store '${place.store}' has no connection: ${message}`,
    {
      ...place,
      kind,
      retryable,
      cause: failure,
    },
  )
}

/** `opening`: the client that is not connected yet, where one is waited for. */
export const timedOut = (place: Place, ms: number, option: string, opening?: RedisClient) => {
  const { store, operation } = place
  const advice =
    opening !== undefined && awaitsTls(opening)
      ? `: the server took the connection and has not answered the TLS handshake; does it speak TLS? See tls and ${option}`
      : `; see ${option}`
  const message = `${whatAt(place)} was not answered within ${ms} ms${advice}`
  return new StoreError(message, { kind: 'timeout', store, operation })
}

export const closedError = ({ store, operation }: Place) =>
  new ClosedError(`${operation} on the store '${store}', which has been closed`)
