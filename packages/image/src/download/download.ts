import type { NetworkSeam } from '../network/seam.ts'
import type { GuardSettings } from '../network/settings.ts'

export interface DownloadOptions {
  /** Detaches this caller: the download rejects with the signal's reason and its connection is closed. */
  readonly signal?: AbortSignal | undefined
  /** Validators of the copy at hand; with them the answer may be 304. */
  readonly conditional?:
    | { readonly etag?: string | undefined; readonly lastModified?: string | undefined }
    | undefined
  /** In place of the Accept that follows from `types`. Never a client's own words: reduce them first. */
  readonly accept?: string | undefined
  /** The CDN-Loop to send (RFC 8586). */
  readonly cdnLoop?: string | undefined
  /** False where a stale copy can be served in its stead. Default true. */
  readonly retry?: boolean | undefined
}

/** A redirect that was followed. Its freshness bounds that of the answer. */
export interface Hop {
  readonly url: string
  readonly status: number
  readonly headers: Headers
}

export interface Downloaded {
  /** 304 only in answer to `conditional`; its body is empty. */
  readonly status: 200 | 304
  /** As the origin sent them; Content-Encoding and Content-Length are gone, the body is decoded. */
  readonly headers: Headers
  /** Decoded, whole, in memory of its own. */
  readonly body: Uint8Array
  readonly finalUrl: string
  readonly hops: readonly Hop[]
  /** How many requests were sent again. */
  readonly retries: number
}

export interface Downloader {
  /** @throws ImageError; whatever `signal` was aborted with. */
  download(url: string, options?: DownloadOptions): Promise<Downloaded>
  /** Checks a URL against scheme, port and origins without any I/O. @throws ImageError */
  check(url: string): URL
  /** Lets downloads under way end, closes idle connections, refuses new ones with ClosedError. */
  close(): void
}

/**
 * Downloads under one frozen set of settings, over connections of their own. New settings want a new downloader;
 * `previous` hands over what is known of the origins (breakers, queues, budgets).
 */
export declare function createDownloader(
  settings: GuardSettings,
  seam?: NetworkSeam,
  previous?: Downloader,
): Downloader
