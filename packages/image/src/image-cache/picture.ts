import { type FieldList, fieldsOf } from '../http-cache/fields.ts'
import type { PolicyResponse } from '../http-cache/freshness.ts'
import { ImageError, type ImageErrorCode } from '../image-error.ts'

/** An image as the cache keeps it. Plain data; nobody outside this room is handed the object or its bytes. */
export interface Picture {
  readonly kind: 'picture'
  /** The origin's fields that rules and clients need, and no others. */
  readonly fields: FieldList
  /** Unix ms: when the answer these fields come from was asked for, and when it came. */
  readonly requestedAt: number
  readonly receivedAt: number
  /** Ceiling of its lifetime where a redirect on the way to it said less. */
  readonly mostMs?: number
  readonly type: string
  readonly width: number
  readonly height: number
  /** Of the body, in hexadecimal. */
  readonly sha256: string
  /** Of the original, where this is a variant of one. */
  readonly sourceSha256?: string
  /** How it came: downloaded, or still the same by the origin's word (304). */
  readonly how: 'miss' | 'revalidated'
  /** A refresh failed: until then no other is tried. */
  readonly held?: Held
  /** Softly purged: stale, whatever its fields say. */
  readonly purged?: true
  /** Names by which its origin may have it purged. */
  readonly tags: readonly string[]
  readonly body: Uint8Array
}

/** A failure that is remembered. */
export interface Held {
  readonly code: ImageErrorCode
  readonly message: string
  readonly upstreamStatus?: number
  readonly retryAfterMs?: number
  /** Unix ms. */
  readonly untilAt: number
  /** Failures one after the other. */
  readonly times: number
}

/** In the place of an image: why there is none. */
export interface Failure {
  readonly kind: 'failure'
  readonly held: Held
}

/** What came, but is not kept: its origin does not allow it. */
export interface Passing {
  readonly kind: 'passing'
  readonly picture: Picture
  readonly why: string
}

export type Kept = Picture | Failure | Passing

/** Fields that are kept: what freshness, revalidation and variants are decided by. */
const keptFields = new Set([
  'age',
  'cache-control',
  'cdn-cache-control',
  'date',
  'etag',
  'expires',
  'last-modified',
  'vary',
])

export function fieldsToKeep(headers: Headers): [string, string][] {
  return [...headers].filter(([name]) => keptFields.has(name))
}

const responses = new WeakMap<Picture, PolicyResponse>()

/** A picture as the rules of HTTP caching see it. */
export function responseOf(picture: Picture): PolicyResponse {
  let response = responses.get(picture)
  if (response === undefined) {
    const { requestedAt, receivedAt } = picture
    response = { status: 200, fields: fieldsOf(picture.fields), requestedAt, receivedAt }
    responses.set(picture, response)
  }
  return response
}

/** What this process's own failures were, with their causes, which no store keeps. */
const originals = new WeakMap<Held, ImageError>()

/** The error that a remembered failure stands for. */
export function errorOf(held: Held): ImageError {
  const original = originals.get(held)
  if (original !== undefined) return original
  const { code, message, upstreamStatus, retryAfterMs } = held
  return new ImageError(code, message, {
    ...(upstreamStatus === undefined ? {} : { upstreamStatus }),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  })
}

export function heldOf(error: ImageError, untilAt: number, times: number): Held {
  const { code, message, upstreamStatus, retryAfterMs } = error
  const held = {
    code,
    message,
    ...(upstreamStatus === undefined ? {} : { upstreamStatus }),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    untilAt,
    times,
  }
  originals.set(held, error)
  return held
}

const refusals: ReadonlySet<ImageErrorCode> = new Set<ImageErrorCode>([
  'address',
  'credentials',
  'expired',
  'loop',
  'origin',
  'port',
  'scheme',
  'signature',
  'url',
])

/** Whether a rule of this cache said no, rather than the network or the origin: nothing stands in for that. */
export function isRefusal(code: ImageErrorCode): boolean {
  return refusals.has(code)
}

/** What an origin sent that no rule lets through. A stale picture may stand in for it. */
const contentRefusals: ReadonlySet<ImageErrorCode> = new Set<ImageErrorCode>([
  'encoding',
  'integrity',
  'pixels',
  'redirect',
  'size',
  'type',
])

/** Whether a rule said no, to what was asked for or to what came: whoever looks after security wants to know. */
export function isBlocked(code: ImageErrorCode): boolean {
  return refusals.has(code) || contentRefusals.has(code)
}

/** Whether the origin says that there is no such image. */
export function isAbsent(error: {
  readonly code: string
  readonly upstreamStatus?: number | undefined
}): boolean {
  return error.code === 'status' && (error.upstreamStatus === 404 || error.upstreamStatus === 410)
}
