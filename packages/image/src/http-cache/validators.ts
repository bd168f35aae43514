import { type Fields, listMembers } from './fields.ts'
import { parseHttpDate } from './http-date.ts'

/** Whether its origin can be asked if a response is still the right one. */
export function hasValidator(fields: Fields): boolean {
  return Boolean(fields.get('etag')) || Boolean(fields.get('last-modified'))
}

/** The fields that ask the origin whether a kept response still holds (RFC 9111, 4.3.1), both where there are both. */
export function revalidationFields(kept: Fields): [name: string, value: string][] {
  const fields: [string, string][] = []
  const etag = kept.get('etag')
  const modified = kept.get('last-modified')
  if (etag) fields.push(['if-none-match', etag])
  if (modified) fields.push(['if-modified-since', modified])
  return fields
}

/** Whether two entity tags are the same for a GET (weak comparison, RFC 9110, 8.8.3.2). */
export function isSameTag(left: string, right: string): boolean {
  return opaque(left) === opaque(right)
}

/** Strong comparison: the same, and neither weak. */
export function isSameStrongTag(left: string, right: string): boolean {
  return left === right && left !== '' && !isWeak(left)
}

function isWeak(tag: string): boolean {
  return tag.startsWith('W/')
}

function opaque(tag: string): string {
  return isWeak(tag) ? tag.slice(2) : tag
}

/**
 * Whether a client that sent these conditions already has the kept response (RFC 9110, 13.2.2): then it gets a 304.
 * `If-None-Match` goes before `If-Modified-Since`.
 */
export function isNotModified(request: Fields, kept: Fields, receivedAt: number): boolean {
  const tags = request.get('if-none-match')
  if (tags !== null && tags !== undefined) {
    const etag = kept.get('etag')
    const members = listMembers(tags)
    if (members.includes('*')) return true
    return Boolean(etag) && members.some((tag) => isSameTag(tag, etag!))
  }
  const since = parseHttpDate(request.get('if-modified-since'), receivedAt)
  if (since === undefined) return false
  const modified = parseHttpDate(kept.get('last-modified'), receivedAt)
  // Without Last-Modified the date it was sent, else the time it came, stands in (RFC 9111, 4.3.2).
  const changedAt = modified ?? parseHttpDate(kept.get('date'), receivedAt) ?? receivedAt
  return changedAt <= since
}

/** Whether `If-Match` names what is there (RFC 9110, 13.1.1): by strong comparison, or by `*`, which anything matches. */
export function isWanted(condition: string, etag: string): boolean {
  return listMembers(condition).some((tag) => tag === '*' || isSameStrongTag(tag, etag))
}

/** Conditions only an origin can judge; a request with one goes through. */
export function hasOriginCondition(request: Fields): boolean {
  return Boolean(request.get('if-match')) || Boolean(request.get('if-unmodified-since'))
}

/** Whether the request itself is conditional. */
export function isConditional(request: Fields): boolean {
  return Boolean(request.get('if-none-match')) || Boolean(request.get('if-modified-since'))
}
