import type { Clock, LoaderContext } from '@holdfast/core'
import { ImageError } from '../image-error.ts'
import type { ImagePolicy, ImageSettings } from './image-settings.ts'
import { keepMs } from './judge.ts'
import { inspected, orFailure } from './load-image.ts'
import type { Kept, Picture } from './picture.ts'

export interface VariantParts {
  readonly url: string
  readonly variant: string
  readonly settings: ImageSettings
  readonly policy: ImagePolicy
  readonly clock: Clock
  /** The original, by the way that every caller goes. @throws ImageError */
  original(signal: AbortSignal): Promise<{ readonly picture: Picture; readonly isKept: boolean }>
}

/**
 * Makes a variant from its original, whose freshness is also its own. While the original's bytes stay the same, those
 * of the variant do too, and `transform` is not called.
 */
export function loadVariant(context: LoaderContext, parts: VariantParts): Promise<Kept> {
  return orFailure(context, parts, (before) => variantOf(context, before, parts))
}

async function variantOf(
  context: LoaderContext,
  before: Picture | undefined,
  parts: VariantParts,
): Promise<Kept> {
  const { policy, clock } = parts
  const { picture: source, isKept } = await parts.original(context.signal)
  const same = before?.sourceSha256 === source.sha256 ? before : undefined
  const made = same ?? (await transformed(source, context.signal, parts))
  const { type, width, height, sha256, body } = made
  const picture: Picture = {
    ...source,
    ...{ type, width, height, sha256, body },
    sourceSha256: source.sha256,
    how: same === undefined ? 'miss' : 'revalidated',
  }
  if (!isKept) return context.skip({ kind: 'passing', picture, why: 'original' })
  context.setTtl(keepMs(picture, policy, clock.now()))
  if (source.tags.length > 0) context.setTags(source.tags.map((tag) => `t:${tag}`))
  return picture
}

async function transformed(
  source: Picture,
  signal: AbortSignal,
  { url, variant, settings }: VariantParts,
) {
  const { transform } = settings
  if (transform === undefined) return source
  const { type, width, height } = source
  const given = { body: new Uint8Array(source.body), type, width, height, url, signal }
  let body: unknown
  try {
    body = await transform(given, variant)
  } catch (cause) {
    if (signal.aborted) throw cause
    throw new ImageError('type', 'transform failed on this image; see the cause', { cause })
  }
  if (!(body instanceof Uint8Array)) {
    throw new ImageError('type', `transform must return a Uint8Array; it returned ${typeof body}`)
  }
  // Of its own, whatever the transform keeps a hand on.
  return inspected(new Uint8Array(body), settings)
}
