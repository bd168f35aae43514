import type { Clock } from '../clock.ts'
import type { Scope } from '../invalidation/scope.ts'
import type { Engine } from '../read/engine.ts'
import type { Store } from '../store/store.ts'

/**
 * Where packages on top of a cache find what they share with it. Registered, so that another installed copy finds it; a
 * symbol, so that it is no part of the public surface.
 */
export const ties: unique symbol = Symbol.for('holdfast.ties')

/** What happened in such a package and the cache cannot know by itself. */
export type News =
  | { readonly event: 'refused'; readonly key: string; readonly reason: string }
  | { readonly event: 'refresh' | 'fallback'; readonly key: string; readonly error: unknown }
  /** A load that returned what stands for its failure. */
  | { readonly event: 'load-failed' }

/** What a cache and a package on top of it share. */
export interface Ties {
  /** The time that the cache goes by. */
  readonly clock: Clock
  /** Its store, so that what the store vouches for is not checked twice. */
  readonly store: Store | undefined
  /** Counts, and tells the listeners of the cache, who so hear of everything in one place. */
  tell(news: News): void
}

export function tiesOf(engine: Engine, scope: Scope): Ties {
  return {
    clock: engine.clock,
    store: engine.far?.tier.settings.store,
    tell(news) {
      if (news.event === 'load-failed') engine.counters.loadErrors++
      else if (news.event === 'refused') engine.refused(scope, news.key, news.reason)
      else engine.failed(news.event, news.error, scope, news.key)
    },
  }
}
