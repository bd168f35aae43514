import type { Cache, Clock, Store } from '@holdfast/core'
import { systemClock } from '../clock.ts'
import { isSelfVerifying } from '../disk-store/self-verifying.ts'

/** What a cache cannot know by itself: a request that the rules refused, a failure that nobody was told of. */
export type News =
  | { readonly event: 'refused'; readonly key: string; readonly reason: string }
  | { readonly event: 'refresh' | 'fallback'; readonly key: string; readonly error: unknown }
  /** A load that returned what stands for its failure. */
  | { readonly event: 'load-failed' }

/** Registered by core, so that both need no version of each other. */
const tell: unique symbol = Symbol.for('holdfast.tell')

/** Tells the listeners of a cache. A cache that does not know how, such as a fake one, tells nobody. */
export function tellOf(cache: Cache): (news: News) => void {
  const telling = cache as { [tell]?: (news: News) => void }
  return (news) => telling[tell]?.(news)
}

const clockKey: unique symbol = Symbol.for('holdfast.clock')

/** The time that a cache goes by; of one that does not say, the machine's. */
export function clockOf(cache: Cache): Clock {
  return (cache as { [clockKey]?: Clock })[clockKey] ?? systemClock
}

const storeKey: unique symbol = Symbol.for('holdfast.store')

/** Whether all that the store of a cache hands out has been compared with a digest of 128 bits just before. */
export function isVerifiedByStore(cache: Cache): boolean {
  const store = (cache as { [storeKey]?: Store | undefined })[storeKey]
  return store !== undefined && isSelfVerifying(store)
}
