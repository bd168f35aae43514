/** What a cache did with one request (RFC 9211). */
export interface CacheStatus {
  /** Served from the cache, without waiting for the origin. */
  readonly hit?: boolean
  /** Why the request went on to the origin. */
  readonly fwd?:
    | 'bypass'
    | 'method'
    | 'uri-miss'
    | 'vary-miss'
    | 'miss'
    | 'request'
    | 'stale'
    | 'partial'
  readonly fwdStatus?: number
  /** Freshness left, in milliseconds; negative when stale. */
  readonly ttlMs?: number
  readonly stored?: boolean
  readonly collapsed?: boolean
  readonly detail?: string | undefined
}

const token = /^[A-Za-z*][\w!#$%&'*+.^`|~:/-]*$/

/** One member of a `Cache-Status` field. What cannot stand in one is left out: the field is never malformed. */
export function cacheStatus(cache: string, status: CacheStatus): string {
  const parts = [tokenOrString(cache)]
  if (status.hit) parts.push('hit')
  if (status.fwd) parts.push(`fwd=${status.fwd}`)
  if (status.fwdStatus !== undefined) parts.push(`fwd-status=${status.fwdStatus}`)
  if (status.ttlMs !== undefined && Number.isFinite(status.ttlMs)) {
    // Down to whole seconds: half a second stale is not 0 s fresh.
    parts.push(`ttl=${Math.floor(status.ttlMs / 1_000)}`)
  }
  if (status.stored) parts.push('stored')
  if (status.collapsed) parts.push('collapsed')
  if (status.detail) parts.push(`detail=${tokenOrString(status.detail)}`)
  return parts.join('; ')
}

function tokenOrString(text: string): string {
  if (token.test(text)) return text
  return `"${text.replace(/[^\x20-\x7e]/g, '').replace(/["\\]/g, '\\$&')}"`
}
