import { isCacheError, type StoreError } from '../errors.ts'
import type { CacheEvents, EventName } from '../observe/events.ts'

/** What can happen, in words that are the same whoever noticed. */
export const securityEvents = [
  'access_denied',
  'admin_clear',
  'auth_failed',
  'config_changed',
  'config_refused',
  'content_refused',
  'decrypt_failed',
  'foreign_redirect',
  'integrity_failed',
  'key_echo_mismatch',
  'mac_failed',
  'session_damaged',
  'session_fixation_blocked',
  'session_tampered',
  'signature_refused',
  'ssrf_blocked',
  'subject_erased',
  'tls_refused',
] as const

export type SecurityEventName = (typeof securityEvents)[number]

/**
 * The reasons that are a matter of security, of stores and of images. Only these words are told on: a reason that is not
 * in this list may be anything.
 */
const refusals: Readonly<Record<string, SecurityEventName>> = {
  // Of the far tier and of encrypted stores.
  mac: 'mac_failed',
  key: 'key_echo_mismatch',
  plaintext: 'decrypt_failed',
  'unknown-key': 'decrypt_failed',
  damaged: 'decrypt_failed',
  encrypted: 'decrypt_failed',
  // Of images and the guard in front of the network.
  address: 'ssrf_blocked',
  origin: 'ssrf_blocked',
  port: 'ssrf_blocked',
  scheme: 'ssrf_blocked',
  redirect: 'foreign_redirect',
  signature: 'signature_refused',
  integrity: 'integrity_failed',
  pixels: 'content_refused',
  size: 'content_refused',
  type: 'content_refused',
}

/** A security event, without whose or what it was. */
export interface Noticed {
  readonly event: SecurityEventName
  readonly reason?: string
}

/** What an event of a cache means for security; `undefined` where nothing. */
export function noticedIn<Name extends EventName>(
  name: Name,
  told: CacheEvents[Name],
): Noticed | undefined {
  if (name === 'refused') return noticedInRefusal((told as CacheEvents['refused']).reason)
  if (name === 'invalidate') {
    const { operation } = told as CacheEvents['invalidate']
    return operation === 'clear' ? { event: 'admin_clear' } : undefined
  }
  if (name === 'error') return noticedInError((told as CacheEvents['error']).error)
  return undefined
}

/** Why bytes or an image were refused, where that is a matter of security. */
export function noticedInRefusal(reason: string): Noticed | undefined {
  const event = Object.hasOwn(refusals, reason) ? refusals[reason] : undefined
  return event === undefined ? undefined : { event, reason }
}

/** What the failure of a store means for security, also inside an error that came of it. */
export function noticedInError(failure: unknown): Noticed | undefined {
  const error = ofStore(failure)
  if (error === undefined) return undefined
  const { kind } = error
  if (kind === 'denied') return { event: 'access_denied' }
  // A server named another one that is none of ours; nobody connected to it.
  if (kind === 'protocol' && comesFrom(error, isFalseRedirection))
    return { event: 'foreign_redirect', reason: 'server' }
  if (kind !== 'auth') return undefined
  return { event: comesFrom(error, isCertificateFault) ? 'tls_refused' : 'auth_failed' }
}

/** The failure of the store that an error came of. */
function ofStore(failure: unknown): StoreError | undefined {
  let at: unknown = failure
  for (let depth = 0; depth < 8 && at instanceof Error; depth++) {
    if (isCacheError(at) && 'kind' in at) return at as StoreError
    at = at.cause
  }
  return undefined
}

/** What adapters call a redirection that no honest server sends. */
const isFalseRedirection = ({ name }: Error) => name === 'FalseRedirection'

/** Whether it has to do with the names that Node and OpenSSL give to a certificate or handshake that is not to be trusted. */
const isCertificateFault = (error: Error) =>
  'code' in error &&
  typeof error.code === 'string' &&
  /CERT|SELF_SIGNED|UNABLE_TO|ERR_TLS|ERR_SSL/.test(error.code)

function comesFrom(error: Error, isIt: (error: Error) => boolean): boolean {
  let at: unknown = error
  for (let depth = 0; depth < 8 && at instanceof Error; depth++) {
    if (isIt(at)) return true
    at = at.cause
  }
  return false
}

/** The parts that a configuration has; of names and paths nothing is told. */
const configParts: readonly string[] = ['buses', 'caches', 'images', 'rings', 'sessions', 'stores']

/** What a change of these parts of a configuration means, such as `caches.api`. */
export function noticedInChange(parts: readonly string[]): readonly Noticed[] {
  const kinds = new Set(parts.map((part) => part.split('.', 1)[0] ?? ''))
  return configParts
    .filter((kind) => kinds.has(kind))
    .map((reason) => ({ event: 'config_changed', reason }))
}
