import { CacheError } from '@holdfast/core'

/**
 * Why an image was refused, in one word that is safe to switch on.
 *
 * What is asked for: `url` (no usable address), `scheme`, `credentials` (a user name or password in the URL), `port`,
 * `origin` (not on the list), `address` (the host is not a public address), `signature`, `expired`.
 * What the network did: `dns`, `network` (no connection, a broken one, or an answer that is no HTTP), `timeout`,
 * `redirect` (too many, a circle, or from https to http), `busy` (too many wait for this origin), `unavailable`
 * (this origin failed too often and is left alone for a while), `headers` (the origin's own `headers` function failed).
 * What the origin sent: `status`, `size`, `encoding`, `truncated`, `type`, `pixels`, `integrity`.
 * `loop`: the request has been through this cache already.
 */
export type ImageErrorCode =
  | 'address'
  | 'busy'
  | 'credentials'
  | 'dns'
  | 'encoding'
  | 'expired'
  | 'headers'
  | 'integrity'
  | 'loop'
  | 'network'
  | 'origin'
  | 'pixels'
  | 'port'
  | 'redirect'
  | 'scheme'
  | 'signature'
  | 'size'
  | 'status'
  | 'timeout'
  | 'truncated'
  | 'type'
  | 'unavailable'
  | 'url'

export interface ImageErrorDetails {
  readonly cause?: unknown
  /** What the origin answered, where it answered. */
  readonly upstreamStatus?: number
  /** The origin's Retry-After, counted from its answer. */
  readonly retryAfterMs?: number
  /** Whether the same call may succeed later. Default: see `ImageError.retryable`. */
  readonly retryable?: boolean
}

/**
 * An image that is not handed out, and why. Messages hold at most the host: a path or query may carry a signature, and
 * an address tells of the network inside.
 */
export class ImageError extends CacheError {
  declare readonly code: ImageErrorCode
  /** The HTTP status that stands for it towards a client: 400, 403, 404, 502, 503, 504 or 508. */
  readonly status: number
  /**
   * Whether the same call may succeed later: the network, the load or the origin were the reason, and not the policy or
   * the picture.
   */
  readonly retryable: boolean
  /** What the origin answered, with code `status`. */
  readonly upstreamStatus: number | undefined
  /** How long the origin asked to be left alone, in milliseconds, counted from its answer. */
  readonly retryAfterMs: number | undefined

  constructor(code: ImageErrorCode, message: string, details: ImageErrorDetails = {}) {
    super(code, message, details.cause === undefined ? {} : { cause: details.cause })
    this.upstreamStatus = details.upstreamStatus
    this.retryAfterMs = details.retryAfterMs
    this.status = statusFor(code, details.upstreamStatus)
    this.retryable = details.retryable ?? passesByItself(code, details.upstreamStatus)
  }
}

const refusals: ReadonlySet<ImageErrorCode> = new Set<ImageErrorCode>([
  'address',
  'credentials',
  'expired',
  'origin',
  'port',
  'scheme',
  'signature',
])

function statusFor(code: ImageErrorCode, upstreamStatus: number | undefined): number {
  if (refusals.has(code)) return 403
  if (code === 'url') return 400
  if (code === 'status' && (upstreamStatus === 404 || upstreamStatus === 410)) return 404
  if (code === 'timeout') return 504
  if (code === 'busy') return 503
  return code === 'loop' ? 508 : 502
}

/** RFC 9110: these say that a later request may fare better. */
const passingStatuses = new Set([408, 425, 429, 500, 502, 503, 504])

function passesByItself(code: ImageErrorCode, upstreamStatus: number | undefined): boolean {
  if (code === 'status') return upstreamStatus !== undefined && passingStatuses.has(upstreamStatus)
  return ['busy', 'dns', 'network', 'timeout', 'truncated', 'unavailable', 'headers'].includes(code)
}
