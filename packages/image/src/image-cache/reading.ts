import type { Decision } from '../http-cache/policy.ts'
import type { Picture } from './picture.ts'

/** How one request for an image ended. Of this package only: the bytes are the cache's own. */
export interface Reading {
  readonly picture: Picture
  readonly status: ReadingStatus
  readonly decision: Decision
  readonly isKept: boolean
  /** Whether the store took it, where this call or the one it joined has just loaded it. */
  readonly isStored?: boolean
  /** Why a stale one was served, or a fresh one not kept. */
  readonly detail: string | undefined
  /** It waited for a download that another caller had started. */
  readonly collapsed?: boolean
  /** A stale one was there when it was downloaded. */
  readonly replaced?: boolean
  /** What the origin answered in place of an image, where this call asked it. */
  readonly upstreamStatus?: number
}

/** `hit`: fresh, from the cache. `stale`: past its lifetime. `miss`: downloaded. `revalidated`: its origin said that it is still the same. */
export type ReadingStatus = 'hit' | 'stale' | 'miss' | 'revalidated'

export function reading(picture: Picture, status: ReadingStatus, decision: Decision): Reading {
  return { picture, status, decision, isKept: true, detail: decision.detail }
}
