import type { Cache, Clock } from '@holdfast/core'
import { systemClock } from '../clock.ts'

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

const clockKey: unique symbol = Symbol.for('holdfast.clock')

/** The time that a cache goes by; of one that does not say, the machine's. */
export function clockOf(cache: Cache): Clock {
  return (cache as { [clockKey]?: Clock })[clockKey] ?? systemClock
}
