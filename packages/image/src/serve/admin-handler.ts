import { createHmac, timingSafeEqual } from 'node:crypto'
import { InvalidOptionError, isCacheError } from '@holdfast/core'
import { unmet } from '@holdfast/core/adapter'
import { type ImageCache, readerOf } from '../image-cache/image-cache.ts'
import { ImageError } from '../image-error.ts'
import { readObject } from '../network/option-values.ts'
import { originPattern } from '../network/origin-pattern.ts'
import { tryUrl } from '../network/try-url.ts'

export interface AdminHandlerOptions {
  /** Asked before anything else, for every request but a webhook's; anything but `true` is a 403. */
  readonly authorize: (request: Request) => boolean | Promise<boolean>
  /**
   * Origins that may purge what is theirs, each by a secret of at least 16 characters: `POST …/webhook` with
   * `X-Holdfast-Timestamp` (Unix seconds, at most five minutes off) and `X-Holdfast-Signature`, the HMAC-SHA-256 of
   * `<timestamp>.<body>` in hexadecimal.
   */
  readonly webhooks?: readonly { readonly match: string; readonly secret: string }[] | undefined
}

const mostItems = 1_000
const mostBytes = 1_000_000
const mostSkewMs = 300_000

interface Webhook {
  readonly secret: string
  covers(url: URL): boolean
}

/**
 * Administers an image cache over HTTP, with JSON bodies: `POST …/purge` with `urls` (and `soft`), `origin` or `tags`,
 * `POST …/warm` with `urls`, and `POST …/webhook` with `urls` (and `soft`) for origins. It is for a path or a port
 * that the public does not reach, and refuses to be built without `authorize`.
 * @throws InvalidOptionError
 */
export function adminHandler(
  images: ImageCache,
  options: AdminHandlerOptions,
): (request: Request) => Promise<Response> {
  const reader = readerOf(images)
  const { authorize, webhooks = [] } = readAdminOptions(options)
  return async (request) => {
    const verb = new URL(request.url).pathname.split('/').at(-1)
    if (verb !== 'purge' && verb !== 'warm' && verb !== 'webhook')
      return json(404, { error: 'path' })
    if (request.method !== 'POST') return json(405, { error: 'method' }, { allow: 'POST' })
    // A form of another site cannot send it, so no browser of somebody signed in is made to purge.
    if (!/^application\/json\b/i.test(request.headers.get('content-type') ?? '')) {
      return json(415, { error: 'content-type' })
    }
    if (verb !== 'webhook' && (await authorize(request)) !== true) {
      return json(403, { error: 'forbidden' })
    }
    const text = await textOf(request)
    if (text === undefined) return json(413, { error: 'size' })
    const hooks =
      verb === 'webhook' ? hooksOf(request, text, webhooks, reader.clock.now()) : undefined
    if (hooks?.length === 0) return json(403, { error: 'signature' })
    const wish = readWish(text)
    // By a name that is not its own alone, an origin would purge what others have.
    const isOthers = hooks !== undefined && (wish?.origin !== undefined || wish?.tags.length !== 0)
    if (wish === undefined || isOthers) return json(400, { error: 'body' })
    try {
      if (verb === 'warm') return json(200, await warm(images, wish.urls))
      if (hooks === undefined) return json(200, await purge(images, wish))
      const own = wish.urls.filter((url) => covers(hooks, url))
      if (own.length < wish.urls.length) return json(403, { error: 'origin' })
      return json(200, await purge(images, { urls: own, soft: wish.soft, tags: [] }))
    } catch (error) {
      if (error instanceof ImageError) return json(400, { error: error.code })
      // Journalled and made up for, but not done yet: whoever asked should know.
      if (isCacheError(error)) return json(503, { error: 'store' })
      throw error
    }
  }
}

function readAdminOptions(options: AdminHandlerOptions): {
  authorize: AdminHandlerOptions['authorize']
  webhooks: readonly Webhook[]
} {
  const where = 'adminHandler(images, options)'
  const given = readObject(
    options ?? {},
    ['authorize', 'webhooks'],
    where,
  ) as Partial<AdminHandlerOptions>
  const { authorize, webhooks = [] } = given
  if (typeof authorize !== 'function') {
    throw unmet('authorize', 'a function that says who may purge; there is no default', authorize)
  }
  if (!Array.isArray(webhooks)) throw unmet('webhooks', 'a list of { match, secret }', webhooks)
  return {
    authorize,
    webhooks: webhooks.map((each: unknown, place) => {
      const { match, secret } = readObject(each, ['match', 'secret'], `webhooks[${place}]`)
      if (typeof secret !== 'string' || secret.length < 16) {
        throw new InvalidOptionError(
          `webhooks[${place}].secret must be a string of at least 16 characters`,
        )
      }
      const pattern = originPattern(String(match), `webhooks[${place}].match`)
      return { secret, covers: (url: URL) => pattern.covers(url) }
    }),
  }
}

interface Wish {
  readonly urls: readonly string[]
  readonly origin?: string | undefined
  readonly tags: readonly string[]
  readonly soft: boolean
}

/** `undefined` for anything but what is documented. */
function readWish(text: string): Wish | undefined {
  let wish: unknown
  try {
    wish = JSON.parse(text)
  } catch {
    return undefined
  }
  if (typeof wish !== 'object' || wish === null || Array.isArray(wish)) return undefined
  const { urls = [], origin, tags = [], soft = false } = wish as Record<string, unknown>
  const isKnown = Object.keys(wish).every((name) =>
    ['urls', 'origin', 'tags', 'soft'].includes(name),
  )
  const isRight =
    isKnown &&
    isStrings(urls) &&
    isStrings(tags) &&
    typeof soft === 'boolean' &&
    (origin === undefined || typeof origin === 'string')
  return isRight ? { urls, tags, soft, origin: origin as string | undefined } : undefined
}

const isStrings = (value: unknown): value is string[] =>
  Array.isArray(value) &&
  value.length <= mostItems &&
  value.every((item) => typeof item === 'string' && item !== '')

async function purge(images: ImageCache, { urls, origin, tags, soft }: Wish) {
  await Promise.all(urls.map((url) => images.purge(url, { soft })))
  if (origin !== undefined) await images.purgeOrigin(origin)
  if (tags.length > 0) await images.purgeTags(tags)
  return { purged: { urls: urls.length, origin: origin === undefined ? 0 : 1, tags: tags.length } }
}

async function warm(images: ImageCache, urls: readonly string[]) {
  const { loaded, failed } = await images.warm(urls)
  const reasons = [...failed].map(([url, error]) => ({
    url,
    error: error instanceof ImageError ? error.code : 'error',
  }))
  return { loaded, failed: reasons }
}

/** The webhooks whose secret signed this body, recently: one system may own several origins, and one secret. */
function hooksOf(
  request: Request,
  text: string,
  webhooks: readonly Webhook[],
  now: number,
): readonly Webhook[] {
  const timestamp = request.headers.get('x-holdfast-timestamp') ?? ''
  const signature = request.headers.get('x-holdfast-signature') ?? ''
  if (!/^\d{1,12}$/.test(timestamp) || !/^[0-9a-f]{64}$/.test(signature)) return []
  if (Math.abs(Number(timestamp) * 1_000 - now) > mostSkewMs) return []
  const given = Buffer.from(signature, 'hex')
  return webhooks.filter(({ secret }) =>
    timingSafeEqual(createHmac('sha256', secret).update(`${timestamp}.${text}`).digest(), given),
  )
}

function covers(hooks: readonly Webhook[], text: string): boolean {
  const url = tryUrl(text)
  return url !== undefined && hooks.some((hook) => hook.covers(url))
}

/** `undefined`: it is too long. Counted as it comes, since a webhook is read before anybody knows who sent it. */
async function textOf(request: Request): Promise<string | undefined> {
  if (Number(request.headers.get('content-length') ?? 0) > mostBytes) return undefined
  const parts: Uint8Array[] = []
  let bytes = 0
  for await (const part of (request.body ?? []) as AsyncIterable<Uint8Array>) {
    bytes += part.byteLength
    // Leaving the loop cancels the rest.
    if (bytes > mostBytes) return undefined
    parts.push(part)
  }
  return Buffer.concat(parts).toString('utf8')
}

function json(status: number, body: object, headers: Record<string, string> = {}): Response {
  return Response.json(body, {
    status,
    headers: { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff', ...headers },
  })
}
