import { isCacheError } from '@holdfast/core'
import { type ImageCache, readerOf } from '../image-cache/image-cache.ts'
import type { ImageReader } from '../image-cache/image-reader.ts'
import { ImageError, type ImageErrorCode } from '../image-error.ts'
import { type Answer, type Asked, handlerOf, wordsOf } from './asked.ts'
import { AskedUrls } from './asked-urls.ts'
import { isLoop } from './cdn-loop.ts'
import {
  type HandlerSettings,
  type ImageHandlerOptions,
  readHandlerOptions,
} from './handler-options.ts'
import { ImageAnswers } from './image-answers.ts'
import { signatureFault } from './sign-url.ts'
import { clientOf, TokenBuckets } from './token-buckets.ts'

/**
 * Serves images in fetch style: `GET` and `HEAD` of `/?url=…`, or of `/<signature>/?url=…` where requests are signed.
 * Every refusal is a status, `Cache-Control: no-store` and the code of its reason, and nothing else.
 * @throws InvalidOptionError naming the option
 */
export function createImageHandler(
  images: ImageCache,
  options: ImageHandlerOptions = {},
): (request: Request) => Promise<Response> {
  const handler = new ImageHandler(readerOf(images), readHandlerOptions(options))
  return handlerOf((asked) => handler.answer(asked))
}

class ImageHandler {
  readonly #reader: ImageReader
  readonly #settings: HandlerSettings
  readonly #buckets: TokenBuckets | undefined
  readonly #urls: AskedUrls
  readonly #answers: ImageAnswers

  constructor(reader: ImageReader, settings: HandlerSettings) {
    this.#reader = reader
    this.#settings = settings
    this.#buckets = settings.throttle && new TokenBuckets(reader.clock, settings.throttle)
    this.#urls = new AskedUrls(settings.signing !== undefined)
    this.#answers = new ImageAnswers(() => reader.settings.cdnId, settings.exposure)
  }

  /** From what costs least to what costs most: nothing is read for a request that is refused. */
  async answer(asked: Asked): Promise<Answer> {
    if (asked.method !== 'GET' && asked.method !== 'HEAD') {
      return wordsOf(405, 'method', [['allow', 'GET, HEAD']])
    }
    try {
      const { cdnId } = this.#reader.settings
      if (isLoop(asked.get('cdn-loop'), cdnId)) return refusal('loop', 508)
      const waitMs = this.#throttled(asked)
      if (waitMs > 0) {
        const seconds = String(Math.max(1, Math.ceil(waitMs / 1_000)))
        return wordsOf(429, 'throttled', [['retry-after', seconds]])
      }
      const { authorize, variant } = this.#settings
      const fault = this.#signatureFault(asked.target)
      if (fault !== undefined) {
        this.#reader.refused('url', fault)
        return refusal(fault, 403)
      }
      if (authorize !== undefined && (await authorize(asked.request())) !== true) {
        return wordsOf(403, 'forbidden')
      }
      const url = this.#urls.of(asked.target)
      const wanted = variant?.(asked.request())
      const reading = await this.#reader.read(url, {
        variant: wanted,
        get signal() {
          return asked.signal
        },
      })
      return this.#answers.answer(asked, reading)
    } catch (error) {
      return errorAnswer(error)
    }
  }

  #throttled(asked: Asked): number {
    const { throttle } = this.#settings
    if (this.#buckets === undefined || throttle === undefined) return 0
    const { client } = throttle
    return this.#buckets.take(
      client === undefined ? clientOf(asked.address) : client(asked.request()),
    )
  }

  /** The first segment signs all that follows it. */
  #signatureFault(target: string): 'signature' | 'expired' | undefined {
    const { signing, base } = this.#settings
    if (signing === undefined) return undefined
    const below = target.startsWith(`${base}/`) ? target.slice(base.length) : undefined
    const [, signature, path] = /^\/([^/?]+)(\/.*)$/.exec(below ?? '') ?? []
    if (signature === undefined || path === undefined)
      return signing.required ? 'signature' : undefined
    const check = (signed: string) =>
      signatureFault(signed, signature, signing.pairs, { now: this.#reader.clock.now() })
    const fault = check(path)
    // URL parsers, those of browsers too, write an apostrophe in a query as %27, and `encodeURIComponent` leaves it.
    return fault === 'signature' && path.includes('%27')
      ? check(path.replaceAll('%27', "'"))
      : fault
  }
}

const refusal = (code: ImageErrorCode, status: number) => wordsOf(status, code)

/** Codes and nothing else: messages of errors are for the log of whoever runs this, and not for its clients. */
function errorAnswer(error: unknown): Answer {
  if (error instanceof ImageError) {
    const headers = error.status === 503 ? ([['retry-after', '1']] as const) : []
    return wordsOf(error.status, error.code, headers)
  }
  if ((error as { name?: unknown } | null)?.name === 'AbortError') return wordsOf(499, 'aborted')
  if (!isCacheError(error)) throw error
  switch (error.code) {
    case 'ERR_HOLDFAST_LOAD_TIMEOUT':
      return wordsOf(504, 'timeout')
    case 'ERR_HOLDFAST_OVERLOAD':
    case 'ERR_HOLDFAST_CLOSED':
      return wordsOf(503, 'busy', [['retry-after', '1']])
    default:
      throw error
  }
}
