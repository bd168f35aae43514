import type { Fields } from './fields.ts'
import { parseHttpDate } from './http-date.ts'
import { isSameStrongTag } from './validators.ts'

/**
 * What a request asks of a body of `length` bytes: all of it, the bytes from `first` to `last` (both included), or
 * some that it does not have (416).
 */
export type RequestedRange =
  | { readonly kind: 'all' }
  | { readonly kind: 'part'; readonly first: number; readonly last: number }
  | { readonly kind: 'unsatisfiable' }

const all: RequestedRange = { kind: 'all' }

/**
 * Reads `Range` and `If-Range` (RFC 9110, 14.2 and 13.1.5). Several ranges, another unit or one that cannot be read
 * are ignored, as the RFC allows: the answer is then all of it.
 */
export function requestedRange(request: Fields, kept: Fields, length: number): RequestedRange {
  const value = request.get('range')
  if (!value || !isRangeWanted(request.get('if-range'), kept)) return all
  const match = /^bytes=[ \t]*(?:(\d+)-(\d*)|-(\d+))[ \t]*$/i.exec(value)
  if (match === null) return all
  const [, from, to, suffix] = match
  if (suffix !== undefined) {
    const count = Math.min(Number(suffix), length)
    if (count === 0) return { kind: 'unsatisfiable' }
    return { kind: 'part', first: length - count, last: length - 1 }
  }
  const first = Number(from)
  if (to !== '' && Number(to) < first) return all
  if (first >= length) return { kind: 'unsatisfiable' }
  const last = to === '' ? length - 1 : Math.min(Number(to), length - 1)
  return { kind: 'part', first, last }
}

/** `If-Range` wants the part only of the very same representation: a strong tag, or the exact date of one that is not young. */
function isRangeWanted(condition: string | null | undefined, kept: Fields): boolean {
  if (condition === null || condition === undefined) return true
  if (condition.startsWith('"') || condition.startsWith('W/')) {
    return isSameStrongTag(condition, kept.get('etag') ?? '')
  }
  const asked = parseHttpDate(condition, 0)
  const modified = parseHttpDate(kept.get('last-modified'), 0)
  const sent = parseHttpDate(kept.get('date'), 0)
  if (asked === undefined || asked !== modified || sent === undefined) return false
  // A date is a strong validator only where the resource had not changed for a second when it was sent (8.8.2.2).
  return sent - modified >= 1_000
}
