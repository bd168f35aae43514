import { isCacheError, type StoreError } from '../errors.ts'
import type { CacheEvents, EventName } from '../observe/events.ts'

/** What happened, in words that are the same whoever noticed. */
export type SecurityEventName =
  | 'access_denied'
  | 'admin_clear'
  | 'auth_failed'
  | 'content_refused'
  | 'decrypt_failed'
  | 'foreign_redirect'
  | 'integrity_failed'
  | 'key_echo_mismatch'
  | 'mac_failed'
  | 'session_damaged'
  | 'session_fixation_blocked'
  | 'session_tampered'
  | 'signature_refused'
  | 'ssrf_blocked'
  | 'tls_refused'

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
  if (name === 'refused') {
    const { reason } = told as CacheEvents['refused']
    const event = Object.hasOwn(refusals, reason) ? refusals[reason] : undefined
    return event === undefined ? undefined : { event, reason }
  }
  if (name === 'invalidate') {
    const { operation } = told as CacheEvents['invalidate']
    return operation === 'clear' ? { event: 'admin_clear' } : undefined
  }
  if (name === 'error') return noticedInError((told as CacheEvents['error']).error)
  return undefined
}

function noticedInError(error: unknown): Noticed | undefined {
  if (!isCacheError(error)) return undefined
  const { kind } = error as Partial<StoreError>
  if (kind === 'denied') return { event: 'access_denied' }
  if (kind !== 'auth') return undefined
  return { event: hasCertificateFault(error) ? 'tls_refused' : 'auth_failed' }
}

/** The names that Node and OpenSSL give to a certificate or a handshake that is not to be trusted. */
const certificateFault = /CERT|SELF_SIGNED|UNABLE_TO|ERR_TLS|ERR_SSL/

function hasCertificateFault(error: Error): boolean {
  let at: unknown = error
  for (let depth = 0; depth < 8 && at instanceof Error; depth++) {
    if ('code' in at && typeof at.code === 'string' && certificateFault.test(at.code)) return true
    at = at.cause
  }
  return false
}
