import { createHash } from 'node:crypto'
import type { Cache } from '@holdfast/core'
import { isVerifiedByStore } from './cache-ties.ts'
import type { Picture } from './picture.ts'

/** Pictures whose bytes have been found to be what was written, or have just been inspected. */
const sound = new WeakSet<Picture>()

export function markSound(picture: Picture): void {
  sound.add(picture)
}

/**
 * Whether the bytes are what was written. Those from a store are hashed once, unless the store has done so; those in
 * memory have been.
 */
export function isSound(picture: Picture, cache: Cache): boolean {
  if (sound.has(picture)) return true
  const isRight =
    picture.body instanceof Uint8Array &&
    (isVerifiedByStore(cache) ||
      createHash('sha256').update(picture.body).digest('hex') === picture.sha256)
  if (isRight) sound.add(picture)
  return isRight
}
