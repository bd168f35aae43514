import { createHash } from 'node:crypto'
import type { Clock, LoaderContext } from '@holdfast/core'
import type { Downloaded, Downloader } from '../download/download.ts'
import { mergeNotModified } from '../http-cache/not-modified.ts'
import { hasValidator } from '../http-cache/validators.ts'
import { ImageError } from '../image-error.ts'
import { decodeCheck } from '../inspect/decode-check.ts'
import { inspect } from '../inspect/inspect.ts'
import type { ImagePolicy, ImageSettings } from './image-settings.ts'
import { boundOfHops, judge, keepMs, whyNotKept } from './judge.ts'
import { originTags } from './origin-tags.ts'
import {
  type Failure,
  fieldsToKeep,
  heldOf,
  isAbsent,
  type Kept,
  type Picture,
  responseOf,
} from './picture.ts'

/** Retry-After is followed up to here. */
const mostHeldMs = 300_000
const mostTimes = 30

/** What one load of an original needs. */
export interface LoadParts {
  readonly url: string
  readonly settings: ImageSettings
  /** That of the origin. */
  readonly policy: ImagePolicy
  readonly downloader: Downloader
  readonly clock: Clock
}

/**
 * Loads an image from its origin, with the validators of the stale one where there is one. It returns what is to be
 * kept: a picture, or in the place of one the failure. A picture stays through every failure but its origin's word
 * that it is gone: then it carries the failure, and how long to leave the origin alone.
 */
export function loadImage(context: LoaderContext, parts: LoadParts): Promise<Kept> {
  return orFailure(context, parts, async (before) =>
    keep(context, await fetchPicture(context.signal, before, parts), parts),
  )
}

/** What `load` makes of the stale picture, if there is one; where it fails, what is to be remembered of that. */
export async function orFailure(
  context: LoaderContext,
  when: Pick<LoadParts, 'policy' | 'clock'>,
  load: (before: Picture | undefined) => Promise<Kept>,
): Promise<Kept> {
  const stale = context.stale as Kept | undefined
  const before = stale?.kind === 'picture' ? stale : undefined
  try {
    return await load(before)
  } catch (error) {
    // The callers left, or a loader's own mistake: nothing to remember.
    if (!(error instanceof ImageError)) throw error
    return keepFailure(context, error, before, when)
  }
}

/** A picture and whether the redirects on the way to it allow that it is kept. */
interface Fetched {
  readonly picture: Picture
  readonly isKeepable: boolean
}

async function fetchPicture(
  signal: AbortSignal,
  before: Picture | undefined,
  parts: LoadParts,
): Promise<Fetched> {
  const { url, settings, policy, downloader, clock } = parts
  const fields = before && responseOf(before).fields
  const conditional =
    fields !== undefined && hasValidator(fields)
      ? {
          etag: fields.get('etag') ?? undefined,
          lastModified: fields.get('last-modified') ?? undefined,
        }
      : undefined
  const mayStandIn = before !== undefined && judge(before, policy, clock.now()).mayServeOnError
  const requestedAt = clock.now()
  const came = await downloader.download(url, {
    signal,
    conditional,
    cdnLoop: settings.cdnId,
    retry: !mayStandIn,
  })
  const receivedAt = clock.now()
  const times = { requestedAt, receivedAt }
  const { mostMs, isKeepable } = boundOfHops(came.hops, policy, receivedAt)
  const bound = mostMs === undefined ? {} : { mostMs }
  if (came.status === 304 && before !== undefined) {
    const merged = mergeNotModified(before.fields, fieldsToKeep(came.headers))
    // It is about another image than the one at hand: asked again, without validators.
    if (merged === undefined) return fetchPicture(signal, undefined, parts)
    const { held: _, purged: __, mostMs: ___, ...rest } = before
    const named = originTags(came.headers)
    const tags = named.length > 0 ? named : before.tags
    const picture = {
      ...rest,
      ...times,
      ...bound,
      tags,
      fields: merged,
      how: 'revalidated' as const,
    }
    return { picture, isKeepable }
  }
  const picture = { ...(await pictureOf(came, settings)), ...times, ...bound, how: 'miss' as const }
  return { picture, isKeepable }
}

async function pictureOf(came: Downloaded, settings: ImageSettings) {
  return {
    kind: 'picture' as const,
    ...(await inspected(came.body, settings, came.headers.get('content-type') ?? undefined)),
    fields: fieldsToKeep(came.headers),
    tags: originTags(came.headers),
  }
}

/** What comes back from a store as a Buffer stays where the store read it; any other view would be copied. */
const asBuffer = ({ buffer, byteOffset, byteLength }: Uint8Array) =>
  Buffer.from(buffer, byteOffset, byteLength)

/** What the bytes say of themselves. @throws ImageError */
export async function inspected(
  body: Uint8Array,
  { types, limits, verify }: ImageSettings,
  declaredType?: string,
) {
  const { type, width, height } = inspect(body, { types, limits, declaredType })
  if (verify === 'decode') {
    await decodeCheck(body, limits)
  }
  const sha256 = createHash('sha256').update(body).digest('hex')
  return { type, width, height, sha256, body: asBuffer(body) }
}

function keep(context: LoaderContext, { picture, isKeepable }: Fetched, parts: LoadParts): Kept {
  const why = isKeepable ? whyNotKept(picture, parts.policy) : 'redirect'
  if (why !== undefined) return context.skip({ kind: 'passing', picture, why })
  context.setTtl(keepMs(picture, parts.policy, parts.clock.now()))
  if (picture.tags.length > 0) context.setTags(picture.tags.map((tag) => `t:${tag}`))
  return picture
}

function keepFailure(
  context: LoaderContext,
  error: ImageError,
  stale: Picture | undefined,
  { policy, clock }: Pick<LoadParts, 'policy' | 'clock'>,
): Kept {
  const now = clock.now()
  const before = isAbsent(error) ? undefined : stale
  const times = Math.min((before?.held?.times ?? 0) + 1, mostTimes)
  const heldMs = holdMs(error, before, times, policy)
  const held = heldOf(error, now + heldMs, times)
  if (before === undefined) {
    const failure: Failure = { kind: 'failure', held }
    // What was kept is not thrown away for nothing: a failure that is not remembered leaves no trace.
    if (heldMs === 0) return context.skip(failure)
    context.setTtl(heldMs)
    return failure
  }
  const decision = judge(before, policy, now)
  // Still fresh, and yet it is being loaded: somebody purged it softly.
  const purged = decision.action === 'fresh' ? { purged: true as const } : {}
  context.setTtl(keepMs(before, policy, now))
  if (before.tags.length > 0) context.setTags(before.tags.map((tag) => `t:${tag}`))
  return { ...before, ...purged, held }
}

function holdMs(
  error: ImageError,
  before: Picture | undefined,
  times: number,
  policy: ImagePolicy,
): number {
  if (isAbsent(error)) return policy.negativeMs
  const asked =
    error.upstreamStatus === 429 || error.upstreamStatus === 503 ? error.retryAfterMs : undefined
  if (asked !== undefined) return Math.min(asked, mostHeldMs)
  if (before === undefined) return policy.errorTtlMs
  return Math.min(policy.retryAfterErrorMs * 2 ** (times - 1), policy.retryAfterErrorMs * 30)
}
