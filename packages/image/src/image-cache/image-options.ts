import type { Cache, Duration } from '@holdfast/core'
import type { GuardOptions, ImageFormat } from '../network/options.ts'

/** How long images are fresh, and how long they may stand in after that (RFC 9111, RFC 5861). */
export interface FreshnessOptions {
  /** Floor of every lifetime an origin gives. It never makes storable what must not be stored. Default `0`. */
  readonly min?: Duration | undefined
  /** Ceiling of every lifetime. Default `'30d'`. */
  readonly max?: Duration | undefined
  /** Whether an image without a lifetime is fresh for a tenth of its age, one day at most. Default `true`. */
  readonly heuristic?: boolean | undefined
  /** After its lifetime an image is served at once this long, and refreshed behind; an origin may say more. Default `0`. */
  readonly staleWhileRevalidate?: Duration | undefined
  /** After its lifetime an image stands in this long for an origin that fails; an origin may say more. Default `'1d'`. */
  readonly staleIfError?: Duration | undefined
  /** How long a 404 or 410 is held. Default `'1m'`. */
  readonly negative?: Duration | undefined
  /** How long other failures of an image that is not kept are held; 429 and 503 as long as their Retry-After says. Default `0`. */
  readonly errorTtl?: Duration | undefined
  /** After a failed refresh the stale image is served this long without another try, twice as long after the next, up to thirty times. Default `'1s'`. */
  readonly retryAfterError?: Duration | undefined
}

/** What of a URL tells one image from another. */
export interface KeyOptions {
  /**
   * Leaves the signature of presigned URLs out of the key, so that each new signature finds the image kept under an
   * older one. Whoever sets it answers after a signature has expired: access control is then the caller's.
   */
  readonly preset?: 's3' | 'gcs' | 'azure' | 'cloudfront' | undefined
  /** Sorts query parameters by name. Default `false`: their order tells images apart. */
  readonly sortQuery?: boolean | undefined
  /** Query parameters that do not tell images apart, such as `'utm_*'`. Default none. */
  readonly dropQuery?: readonly string[] | undefined
  /** Keys are then an HMAC with it, so that nobody who can read the store finds out which URLs are kept. At least 16 characters. */
  readonly secret?: string | undefined
}

/** What a `transform` is handed. */
export interface TransformSource {
  /** A copy: it may be changed. */
  readonly body: Uint8Array
  readonly type: string
  readonly width: number
  readonly height: number
  readonly url: string
  readonly signal: AbortSignal
}

/**
 * Makes a variant of an image; what it returns is inspected as a download is, and kept beside the original. It is not
 * called while the original stays the same.
 */
export type Transform = (
  source: TransformSource,
  variant: string,
) => Uint8Array | Promise<Uint8Array>

/** How often the images of an origin that are in use are checked, without anybody asking for them. */
export interface PollOptions {
  /** An entry of `origins`, as it is written there. */
  readonly match: string
  readonly every: Duration
  /** Requests at a time. Default 2. */
  readonly concurrency?: number | undefined
  /** Of how many images, those asked for last, is remembered that they are in use. Default 1,000. */
  readonly images?: number | undefined
}

export interface ImageCacheOptions extends GuardOptions {
  /** Where images are kept: under `cache.namespace('images')`, so that `clear()` of the cache clears them too. */
  readonly cache: Cache
  /** Formats that are admitted. Default all but `'svg'`. */
  readonly types?: readonly ImageFormat[] | undefined
  readonly freshness?: FreshnessOptions | undefined
  readonly key?: KeyOptions | undefined
  readonly transform?: Transform | undefined
  /** `'decode'` decodes every image once before it is kept; that wants sharp. Default `'header'`. */
  readonly verify?: 'header' | 'decode' | undefined
  readonly poll?: readonly PollOptions[] | undefined
  /** This cache's name in CDN-Loop (RFC 8586) and Cache-Status (RFC 9211). Default `'holdfast'`. */
  readonly cdnId?: string | undefined
}
