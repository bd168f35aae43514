import { createHash } from 'node:crypto'
import type { Picture } from './picture.ts'

/** Pictures whose bytes have been found to be what was written, or have just been inspected. */
const sound = new WeakSet<Picture>()

export function markSound(picture: Picture): void {
  sound.add(picture)
}

/** Whether the bytes are what was written. Those from a store are hashed once; those in memory have been. */
export function isSound(picture: Picture): boolean {
  if (sound.has(picture)) return true
  const isRight =
    picture.body instanceof Uint8Array &&
    createHash('sha256').update(picture.body).digest('hex') === picture.sha256
  if (isRight) sound.add(picture)
  return isRight
}
