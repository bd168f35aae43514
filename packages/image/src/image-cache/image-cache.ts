import { InvalidOptionError } from '@holdfast/core'
import { ImageError } from '../image-error.ts'
import { parseUrl } from '../network/url-rules.ts'
import {
  checkedGet,
  checkedSoft,
  checkedTags,
  checkedUrls,
  checkedVariant,
} from './call-options.ts'
import type { ImageCacheOptions } from './image-options.ts'
import { ImageReader } from './image-reader.ts'
import { Polling } from './polling.ts'
import type { Reading, ReadingStatus } from './reading.ts'
import { assertIntegrity } from './subresource-integrity.ts'

/** An image, checked. */
export interface Image {
  /** The caller's own bytes: they may be changed. Copied when first asked for, so that what needs none costs none. */
  readonly body: Uint8Array
  /** A MIME type, always that of the bytes. */
  readonly type: string
  readonly width: number
  readonly height: number
  /** Strong, of the bytes as they are handed out. */
  readonly etag: string
  /** Seconds since the origin sent or confirmed it. */
  readonly age: number
  readonly status: ReadingStatus
}

export interface GetOptions {
  /** Detaches this caller; the download goes on while others wait for it. */
  readonly signal?: AbortSignal | undefined
  /** Which variant, in words of your own; `transform` makes it. */
  readonly variant?: string | undefined
  /** What the bytes must be, as in `<img integrity>`: `'sha256-…'`, `'sha384-…'` or `'sha512-…'`. */
  readonly integrity?: string | undefined
}

export interface WarmResult {
  readonly loaded: number
  /** Why the others were not, by URL. */
  readonly failed: ReadonlyMap<string, unknown>
}

/** Images of other servers: fetched safely, checked, kept, and handed out again. */
export interface ImageCache {
  /** @throws ImageError whose `code` is the reason */
  get(url: string, options?: GetOptions): Promise<Image>
  /** What this process's memory holds and may be served; nothing is fetched, refreshed or waited for. */
  peek(url: string, options?: { readonly variant?: string | undefined }): Image | undefined
  /** Gone at once, with its variants. `soft`: stale, and still there for an origin that fails. */
  purge(url: string, options?: { readonly soft?: boolean | undefined }): Promise<void>
  /** Every image of an origin, such as `'https://img.example.com'`, without enumerating them. */
  purgeOrigin(origin: string): Promise<void>
  /** Every image to which its origin gave one of these names (`Cache-Tag`, `Surrogate-Key`). */
  purgeTags(tags: readonly string[]): Promise<void>
  /** Loads what is not kept, six at a time. It does not reject for an image that cannot be loaded. */
  warm(urls: Iterable<string>): Promise<WarmResult>
  /**
   * Swaps options; of `limits`, `network`, `freshness` and `key` only what is given. Requests under way keep what they
   * began with; `cache` stays what it was. @throws InvalidOptionError; then nothing has changed
   */
  update(options: Partial<ImageCacheOptions>): void
  /** What an image is kept under. */
  key(url: string, variant?: string): string
  /** Stops polling and waits for refreshes under way. The cache stays open. */
  close(): Promise<void>
}

const readers = new WeakMap<ImageCache, ImageReader>()

/** How the handlers of this package read without a copy. @throws InvalidOptionError for what `createImageCache` did not make */
export function readerOf(images: ImageCache): ImageReader {
  const reader = readers.get(images)
  if (reader === undefined) {
    throw new InvalidOptionError('images must be what createImageCache() returned')
  }
  return reader
}

const warmedAtOnce = 6

/**
 * Fetches images over a guarded network, checks them, keeps them in a cache, and serves them as RFC 9111 allows.
 * @throws InvalidOptionError naming the option
 */
export function createImageCache(options: ImageCacheOptions): ImageCache {
  const reader = new ImageReader(options)
  const polling = new Polling(reader)

  /** An image that is not what its caller expects is told of, as one that a rule refused. */
  const refusedFor = (error: unknown, url: string, variant: string | undefined): unknown => {
    if (error instanceof ImageError) reader.refused(reader.key(url, variant), error.code)
    return error
  }

  const images: ImageCache = {
    async get(url, options) {
      const { signal, variant, integrity } = checkedGet(options)
      const found = await reader.read(url, { signal, variant })
      if (integrity === undefined) return imageOf(found)
      try {
        assertIntegrity(found.picture.body, integrity)
        return imageOf(found)
      } catch (error) {
        // What is kept may be an older one than the caller knows of.
        if (!(error instanceof ImageError)) throw error
        if (found.status === 'miss') throw refusedFor(error, url, variant)
        const again = await reader.read(url, { signal, variant, refresh: true })
        try {
          assertIntegrity(again.picture.body, integrity)
          return imageOf(again)
        } catch (still) {
          throw refusedFor(still, url, variant)
        }
      }
    },
    peek(url, options = {}) {
      const found = reader.peek(url, checkedVariant(options))
      return found && imageOf(found)
    },
    purge: async (url, options = {}) => reader.purge(url, checkedSoft(options)),
    purgeOrigin: async (origin) => reader.cache.invalidateTags([`o:${parseUrl(origin).origin}`]),
    purgeTags: async (tags) =>
      reader.cache.invalidateTags(checkedTags(tags).map((tag) => `t:${tag}`)),
    async warm(urls) {
      const queue = [...new Set(checkedUrls(urls))]
      const failed = new Map<string, unknown>()
      let loaded = 0
      const work = async () => {
        for (let url = queue.pop(); url !== undefined; url = queue.pop()) {
          try {
            await reader.read(url)
            loaded++
          } catch (error) {
            failed.set(url, error)
          }
        }
      }
      await Promise.all(Array.from({ length: warmedAtOnce }, work))
      return { loaded, failed }
    },
    update(changes) {
      reader.update(changes)
      polling.restart()
    },
    key: (url, variant) => reader.key(url, variant),
    async close() {
      polling.close()
      await reader.close()
    },
  }
  readers.set(images, reader)
  return images
}

function imageOf({ picture, status, decision }: Reading): Image {
  const { type, width, height, sha256 } = picture
  let body: Uint8Array | undefined
  return {
    get body() {
      body ??= new Uint8Array(picture.body)
      return body
    },
    type,
    width,
    height,
    etag: etagOf(sha256),
    age: Math.floor(decision.ageMs / 1_000),
    status,
  }
}

/** A strong entity tag: half of the digest is more than enough to tell two images apart. */
export const etagOf = (sha256: string) => `"${sha256.slice(0, 32)}"`
