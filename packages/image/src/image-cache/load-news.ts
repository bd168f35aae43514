import type { News } from './cache-ties.ts'
import { errorOf, isAbsent, isRefusal, type Kept } from './picture.ts'

/** What the listeners and counters of the cache are to hear of a load that has ended: nothing, unless it failed. */
export function newsOf(kept: Kept, key: string): readonly News[] {
  const held = kept.kind === 'passing' ? undefined : kept.held
  if (held === undefined) return []
  const news: News[] = []
  // That there is no such image, or that it must not be fetched, is an answer and no failure.
  if (!isAbsent(held) && !isRefusal(held.code)) news.push({ event: 'load-failed' })
  if (kept.kind === 'picture') news.push({ event: 'fallback', key, error: errorOf(held) })
  return news
}
