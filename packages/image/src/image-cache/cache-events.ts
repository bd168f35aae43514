import type { Cache } from '@holdfast/core'

/** What a cache cannot know by itself: a request that the rules refused, a failure that nobody was told of. */
export type News =
  | { readonly event: 'refused'; readonly key: string; readonly reason: string }
  | { readonly event: 'refresh' | 'fallback'; readonly key: string; readonly error: unknown }

/** Registered by core, so that both need no version of each other. */
const tell: unique symbol = Symbol.for('holdfast.tell')

/** Tells the listeners of a cache. A cache that does not know how, such as a fake one, tells nobody. */
export function tellOf(cache: Cache): (news: News) => void {
  const telling = cache as { [tell]?: (news: News) => void }
  return (news) => telling[tell]?.(news)
}
