import { requestedRange } from '../http-cache/byte-range.ts'
import { cacheStatus } from '../http-cache/cache-status.ts'
import { isNotModified, isWanted } from '../http-cache/validators.ts'
import { etagOf } from '../image-cache/image-cache.ts'
import type { Picture } from '../image-cache/picture.ts'
import type { Reading } from '../image-cache/reading.ts'
import { type Answer, type Asked, wordsOf } from './asked.ts'

/** What an answer says of the cache behind it. */
export interface Exposure {
  readonly age: boolean
  readonly cacheStatus: boolean
  readonly tags: boolean
}

/** Names of files in our own words: those of an origin have been used to have files saved under names of its choice. */
const fileNames: Readonly<Record<string, string>> = {
  'image/jpeg': 'image.jpg',
  'image/png': 'image.png',
  'image/gif': 'image.gif',
  'image/webp': 'image.webp',
  'image/avif': 'image.avif',
  'image/svg+xml': 'image.svg',
}

/** Whatever a browser takes an image for, it runs nothing in it and loads nothing from it. */
const policy = "default-src 'none'; style-src 'unsafe-inline'; sandbox"

type Headers = Answer['headers']

/** The headers of a hit, good for the second in which they were made. */
interface Described {
  readonly ageSeconds: number
  readonly ttlSeconds: number
  readonly headers: Headers
}

/** Makes answers out of readings: whole, in part, or word that the client has it already (RFC 9110). */
export class ImageAnswers {
  readonly #cdnId: () => string
  readonly #exposure: Exposure
  readonly #hits = new WeakMap<Picture, Described>()

  constructor(cdnId: () => string, exposure: Exposure) {
    this.#cdnId = cdnId
    this.#exposure = exposure
  }

  answer(asked: Asked, reading: Reading): Answer {
    const { picture } = reading
    const { body } = picture
    const wanted = asked.get('if-match')
    if (wanted !== null && !isWanted(wanted, etagOf(picture.sha256))) {
      return wordsOf(412, 'precondition')
    }
    const condition = asked.get('if-none-match')
    const kept = { get: (name: string) => (name === 'etag' ? etagOf(picture.sha256) : null) }
    if (condition !== null) {
      const conditions = { get: (name: string) => (name === 'if-none-match' ? condition : null) }
      if (isNotModified(conditions, kept, 0)) {
        return { status: 304, headers: this.#always(reading), body: undefined }
      }
    }
    if (asked.method === 'GET' && asked.get('range') !== null) {
      const range = requestedRange(asked, kept, body.byteLength)
      if (range.kind !== 'all') return this.#part(reading, range)
    }
    const headers = this.#whole(reading)
    return { status: 200, headers, body: asked.method === 'HEAD' ? undefined : body }
  }

  #part(
    reading: Reading,
    range: Exclude<ReturnType<typeof requestedRange>, { kind: 'all' }>,
  ): Answer {
    const { body } = reading.picture
    const isPart = range.kind === 'part'
    const bytes = isPart ? body.subarray(range.first, range.last + 1) : undefined
    const where = isPart ? `${range.first}-${range.last}` : '*'
    const headers: Headers = [
      ...this.#always(reading),
      ...ofTheType(reading.picture),
      ['content-range', `bytes ${where}/${body.byteLength}`],
      ['content-length', String(bytes?.byteLength ?? 0)],
    ]
    return { status: isPart ? 206 : 416, headers, body: bytes }
  }

  #whole(reading: Reading): Headers {
    const { picture, status, decision } = reading
    const ageSeconds = Math.floor(decision.ageMs / 1_000)
    const ttlSeconds = Math.floor(decision.ttlMs / 1_000)
    const known = status === 'hit' ? this.#hits.get(picture) : undefined
    if (known?.ageSeconds === ageSeconds && known.ttlSeconds === ttlSeconds) return known.headers
    const headers: Headers = [
      ...this.#always(reading),
      ...ofTheType(picture),
      ['content-length', String(picture.body.byteLength)],
    ]
    if (status === 'hit') this.#hits.set(picture, { ageSeconds, ttlSeconds, headers })
    return headers
  }

  /** What a 304 says too. */
  #always(reading: Reading): Headers {
    const { picture, decision } = reading
    const { age, cacheStatus: status, tags } = this.#exposure
    const headers: [string, string][] = [
      ['etag', etagOf(picture.sha256)],
      ['cache-control', cacheControl(reading, age)],
      ['x-content-type-options', 'nosniff'],
      ['content-security-policy', policy],
    ]
    if (age) headers.push(['age', String(Math.floor(decision.ageMs / 1_000))])
    if (status) headers.push(['cache-status', statusOf(reading, this.#cdnId())])
    if (tags && picture.tags.length > 0) {
      headers.push(['cache-tag', picture.tags.join(',')], ['surrogate-key', picture.tags.join(' ')])
    }
    return headers
  }
}

function ofTheType({ type }: Picture): Headers {
  const how = type === 'image/svg+xml' ? 'attachment' : 'inline'
  return [
    ['content-type', type],
    ['content-disposition', `${how}; filename="${fileNames[type] ?? 'image'}"`],
    ['accept-ranges', 'bytes'],
  ]
}

/** What caches behind this one may do. They count `Age` in where they see it. */
function cacheControl({ decision, isKept }: Reading, isAgeShown: boolean): string {
  if (!isKept) return 'private, no-store'
  const freshMs = Math.max(0, decision.ttlMs)
  const lifetimeMs = freshMs === 0 ? 0 : freshMs + (isAgeShown ? decision.ageMs : 0)
  return `public, max-age=${Math.floor(lifetimeMs / 1_000)}`
}

/** What this cache did, in the words of RFC 9211. */
function statusOf(reading: Reading, cdnId: string): string {
  const { status, decision, isKept, detail, collapsed, replaced, upstreamStatus } = reading
  const { ttlMs } = decision
  const isStored = isKept && reading.isStored === true
  if (status === 'hit') return cacheStatus(cdnId, { hit: true, ttlMs })
  if (status === 'stale') {
    return cacheStatus(cdnId, {
      ...(upstreamStatus === undefined
        ? { hit: true }
        : { fwd: 'stale', fwdStatus: upstreamStatus }),
      ttlMs,
      detail,
    })
  }
  return cacheStatus(cdnId, {
    fwd: status === 'revalidated' || replaced ? 'stale' : 'uri-miss',
    fwdStatus: status === 'revalidated' ? 304 : 200,
    ttlMs,
    stored: isStored,
    collapsed: collapsed ?? false,
    detail: isKept ? (isStored ? undefined : 'unstored') : detail,
  })
}
