import { requestedRange } from '../http-cache/byte-range.ts'
import { cacheStatus } from '../http-cache/cache-status.ts'
import { isNotModified } from '../http-cache/validators.ts'
import { etagOf } from '../image-cache/image-cache.ts'
import type { Reading } from '../image-cache/reading.ts'
import type { Answer, Asked } from './asked.ts'

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

/** An image as an answer to a GET or HEAD: whole, a part of it, or word that the client has it (RFC 9110). */
export function imageAnswer(
  asked: Asked,
  reading: Reading,
  cdnId: string,
  exposure: Exposure,
): Answer {
  const { picture } = reading
  const { body, type } = picture
  const etag = etagOf(picture.sha256)
  const kept = new Map([['etag', etag]])
  const headers: [string, string][] = [
    ['etag', etag],
    ['cache-control', cacheControl(reading, exposure)],
    ['x-content-type-options', 'nosniff'],
    ['content-security-policy', policy],
  ]
  if (exposure.age) headers.push(['age', String(Math.floor(reading.decision.ageMs / 1_000))])
  if (exposure.cacheStatus) headers.push(['cache-status', statusOf(reading, cdnId)])
  if (exposure.tags && picture.tags.length > 0) {
    headers.push(['cache-tag', picture.tags.join(',')], ['surrogate-key', picture.tags.join(' ')])
  }
  const conditions = { get: (name: string) => (name === 'if-none-match' ? asked.get(name) : null) }
  if (isNotModified(conditions, kept, 0)) return { status: 304, headers, body: undefined }

  const isSvg = type === 'image/svg+xml'
  const name = fileNames[type] ?? 'image'
  headers.push(
    ['content-type', type],
    ['content-disposition', `${isSvg ? 'attachment' : 'inline'}; filename="${name}"`],
    ['accept-ranges', 'bytes'],
  )
  const whole = { status: 200, first: 0, length: body.byteLength }
  const range =
    asked.method === 'GET' ? requestedRange(asked, kept, body.byteLength) : { kind: 'all' as const }
  if (range.kind === 'unsatisfiable') {
    headers.push(['content-range', `bytes */${body.byteLength}`], ['content-length', '0'])
    return { status: 416, headers, body: undefined }
  }
  const part =
    range.kind === 'all'
      ? whole
      : { status: 206, first: range.first, length: range.last - range.first + 1 }
  if (range.kind === 'part') {
    headers.push(['content-range', `bytes ${range.first}-${range.last}/${body.byteLength}`])
  }
  headers.push(['content-length', String(part.length)])
  const bytes = part === whole ? body : body.subarray(part.first, part.first + part.length)
  return { status: part.status, headers, body: asked.method === 'HEAD' ? undefined : bytes }
}

/** What caches behind this one may do. They count `Age` in where they see it. */
function cacheControl({ decision, isKept }: Reading, exposure: Exposure): string {
  if (!isKept) return 'private, no-store'
  const freshMs = Math.max(0, decision.ttlMs)
  const lifetimeMs = freshMs === 0 ? 0 : freshMs + (exposure.age ? decision.ageMs : 0)
  return `public, max-age=${Math.floor(lifetimeMs / 1_000)}`
}

/** What this cache did, in the words of RFC 9211. */
function statusOf(reading: Reading, cdnId: string): string {
  const { status, decision, isKept, detail, collapsed, replaced, upstreamStatus } = reading
  // Down to whole seconds: half a second stale is not 0 s fresh.
  const ttlMs = Math.floor(decision.ttlMs / 1_000) * 1_000
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
    stored: isKept,
    collapsed: collapsed ?? false,
    detail: isKept ? undefined : detail,
  })
}
