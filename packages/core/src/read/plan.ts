import type { Entry } from '../entry/entry.ts'
import { freshness } from './freshness.ts'

/**
 * What a read that can load does with what it found:
 * `hit`, `stale`: answer with it; `…-and-refresh`: and load behind the caller;
 * `load`: wait for a load; `load-or-stale`: wait, and fall back to it if the load fails or takes too long.
 */
export type Plan =
  | 'hit'
  | 'hit-and-refresh'
  | 'stale'
  | 'stale-and-refresh'
  | 'load'
  | 'load-or-stale'

/** One decision for one key or a thousand. `refresh` is the caller's wish for a value from now. */
export function plan(entry: Entry | undefined, refresh: boolean, now: number): Plan {
  if (entry === undefined) return 'load'
  if (refresh)
    return entry.sieMs > 0 && now < entry.staleAt + entry.sieMs ? 'load-or-stale' : 'load'
  const state = freshness(entry, now)
  if (state === 'fresh')
    return now >= entry.checkAt && entry.kind !== 'error' ? 'hit-and-refresh' : 'hit'
  if (state === 'gone') return 'load'
  if (now < entry.retryAt) return 'stale'
  return state === 'stale-while-revalidate' ? 'stale-and-refresh' : 'load-or-stale'
}

/** The draw of an early refresh is used up: whatever becomes of it, the next try is when the entry is stale. */
export function spendEarlyRefresh(entry: Entry): void {
  entry.checkAt = entry.ageAt === undefined ? entry.staleAt : Math.min(entry.staleAt, entry.ageAt)
}
