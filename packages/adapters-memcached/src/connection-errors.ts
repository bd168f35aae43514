import { CacheError, ClosedError, StoreError, type StoreErrorKind } from '@holdfast/core'

/** Bytes that no server would send, or a reply that is none to the command in question. */
export class ProtocolFault extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'ProtocolFault'
  }
}

/** Carries a fault from where it was found to where it is told. */
export class FaultError extends Error {
  readonly fault: Fault

  constructor(why: Fault) {
    super(why.reason)
    this.name = 'FaultError'
    this.fault = why
  }
}

/** Whose commands fail: the store's label and the server's address. */
export interface Place {
  readonly store: string
  readonly server: string
}

/** Why a connection was lost, or could not be had: one reason, told to every command that waited for it. */
export interface Fault {
  readonly kind: StoreErrorKind
  readonly reason: string
  readonly cause: unknown
}

export const fault = (kind: StoreErrorKind, reason: string, cause?: unknown): Fault => ({
  kind,
  reason,
  cause,
})

export function failed(
  place: Place,
  operation: string,
  { kind, reason, cause }: Fault,
): StoreError {
  return new StoreError(`${operation} on ${named(place)} failed: ${reason}`, {
    kind,
    store: place.store,
    operation,
    // A reply that cannot be believed says nothing of the next one, on a new connection.
    ...(kind === 'protocol' ? { retryable: true } : {}),
    ...(cause === undefined ? {} : { cause }),
  })
}

export const timedOut = (place: Place, operation: string, ms: number, option: string): StoreError =>
  failed(place, operation, fault('timeout', `not answered within ${ms} ms; see ${option}`))

export const closedError = (place: Place, operation: string): ClosedError =>
  new ClosedError(`${operation} on ${named(place)}, which has been closed`)

/** What went wrong with a socket, in words that quote nothing of what came over it. */
export function faultOf(error: unknown): Fault {
  if (error instanceof FaultError) return error.fault
  if (error instanceof StoreError) return fault(error.kind, error.message)
  if (error instanceof CacheError) return fault('denied', error.message, error)
  if (error instanceof ProtocolFault) {
    return fault('protocol', `${error.message}; the connection was given up`, error)
  }
  const code = codeOf(error)
  if (code === undefined) return fault('unavailable', 'the connection broke', error)
  if (certificateFault.test(code)) {
    return fault('auth', `TLS was refused with ${code}; see tls.ca and the server's name`, error)
  }
  if (tlsFault.test(code)) {
    return fault('unavailable', `TLS failed with ${code}; is it spoken there?`, error)
  }
  const hint = hints[code]
  const reason = hint === undefined ? code : `${hint} (${code}); see servers`
  return fault(code === 'ETIMEDOUT' ? 'timeout' : 'unavailable', reason, error)
}

/** What the usual mistakes and accidents are called. */
const hints: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there',
  ENOTFOUND: 'the name stands for no address',
  EAI_AGAIN: 'the name could not be looked up',
  ENOENT: 'there is no such socket',
  EACCES: 'this process may not use the socket',
}

/** The names that Node and OpenSSL give to a certificate which is not to be trusted. */
const certificateFault = /CERT|SELF_SIGNED|UNABLE_TO/
/** What else may go wrong in a handshake: another protocol, or a version that is too old. */
const tlsFault = /^(ERR_SSL|ERR_TLS|EPROTO)/

const codeOf = (error: unknown): string | undefined =>
  error instanceof Error && 'code' in error && typeof error.code === 'string'
    ? error.code
    : undefined

const named = ({ store, server }: Place) => `the store '${store}' (${server})`
