import { createHmac, type KeyObject, timingSafeEqual } from 'node:crypto'
import { idPattern } from './session-id.ts'

/** What a cookie of ours proves: that we once handed out this id. */
export interface VerifiedCookie {
  readonly id: string
  /** Signed with an older secret: it is handed out again, signed with the newest. */
  readonly isOld: boolean
}

const idLength = 43
const signatureLength = 43
const valueLength = idLength + 1 + signatureLength

/** Bound to its use, so that what another part of an application signed with the same secret is no session. */
const purpose = 'holdfast session\n'

const signature = (id: string, secret: KeyObject) =>
  createHmac('sha256', secret).update(purpose).update(id).digest('base64url')

/** `<id>.<HMAC-SHA256>`, both in base64url: a dump of the store holds ids, and not one usable cookie. */
export function signId(id: string, secret: KeyObject): string {
  return `${id}.${signature(id, secret)}`
}

/**
 * The first of the cookies `name` that one of the secrets signed. Nothing here depends on what is stored, and
 * signatures are compared in constant time.
 */
export function verifiedCookie(
  header: string | null | undefined,
  name: string,
  secrets: readonly KeyObject[],
): VerifiedCookie | undefined {
  if (!header) return undefined
  for (const value of cookieValues(header, name)) {
    const verified = verify(value, secrets)
    if (verified !== undefined) return verified
  }
  return undefined
}

/** Whether the header names such a cookie at all. */
export function hasCookie(header: string | null | undefined, name: string): boolean {
  return header != null && !cookieValues(header, name).next().done
}

function* cookieValues(header: string, name: string): Generator<string> {
  // RFC 6265, 4.2.1: pairs parted by "; ". Browsers send neither quotes nor spaces around them; others do.
  let from = 0
  while (from < header.length) {
    const semicolon = header.indexOf(';', from)
    const to = semicolon < 0 ? header.length : semicolon
    const equals = header.indexOf('=', from)
    if (equals >= 0 && equals < to && header.slice(from, equals).trim() === name) {
      const value = header.slice(equals + 1, to).trim()
      yield value.length > 1 && value.startsWith('"') && value.endsWith('"')
        ? value.slice(1, -1)
        : value
    }
    from = to + 1
  }
}

function verify(value: string, secrets: readonly KeyObject[]): VerifiedCookie | undefined {
  if (value.length !== valueLength || value[idLength] !== '.') return undefined
  const id = value.slice(0, idLength)
  const signed = value.slice(idLength + 1)
  if (!idPattern.test(id) || !idPattern.test(signed)) return undefined
  // Compared as text: decoded, four spellings of a signature would be one.
  const given = Buffer.from(signed, 'latin1')
  for (const [index, secret] of secrets.entries()) {
    if (timingSafeEqual(given, Buffer.from(signature(id, secret), 'latin1'))) {
      return { id, isOld: index > 0 }
    }
  }
  return undefined
}
