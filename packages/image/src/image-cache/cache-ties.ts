import type { Cache, Clock, Store } from '@holdfast/core'
import { systemClock } from '@holdfast/core/adapter'
import { isSelfVerifying } from '../disk-store/self-verifying.ts'

/** What a cache cannot know by itself: a request that the rules refused, a failure that nobody was told of. */
export type News =
  | { readonly event: 'refused'; readonly key: string; readonly reason: string }
  | { readonly event: 'refresh' | 'fallback'; readonly key: string; readonly error: unknown }
  /** A load that returned what stands for its failure. */
  | { readonly event: 'load-failed' }

/** Registered by core, so that both need no version of each other. */
const ties: unique symbol = Symbol.for('holdfast.ties')

interface Ties {
  readonly clock: Clock
  readonly store: Store | undefined
  tell(news: News): void
}

/** A cache that has none, such as a fake one, is told nothing and vouches for nothing. */
const tiesOf = (cache: Cache): Ties | undefined => (cache as { [ties]?: Ties })[ties]

/** Tells the listeners of a cache. */
export function tellOf(cache: Cache): (news: News) => void {
  return (news) => tiesOf(cache)?.tell(news)
}

/** The time that a cache goes by; of one that does not say, the machine's. */
export function clockOf(cache: Cache): Clock {
  return tiesOf(cache)?.clock ?? systemClock
}

/** Whether all that the store of a cache hands out has been compared with a digest of 128 bits just before. */
export function isVerifiedByStore(cache: Cache): boolean {
  const store = tiesOf(cache)?.store
  return store !== undefined && isSelfVerifying(store)
}
