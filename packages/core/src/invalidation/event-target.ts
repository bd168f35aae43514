import type { Cache } from '../cache.ts'
import { unmet } from '../options/expectation.ts'
import { readStore } from '../options/far-settings.ts'
import type { Store } from '../store/store.ts'
import { storeKey, tagEpochKey, tagVersionKey } from '../tiers/store-keys.ts'
import { Fence, Scope } from './scope.ts'

/** Whatever events invalidate: a cache, or a store that caches of this or other processes use. */
export interface EventTarget {
  /** What it remembers of failed invalidations, it makes up for by itself. */
  readonly makesUp: boolean
  readonly takesTags: boolean
  invalidate(keys: readonly string[], tags: readonly string[]): Promise<void>
  /** Everything, where that can be done. */
  readonly clear: (() => Promise<void>) | undefined
}

/** @throws InvalidOptionError for anything that is neither cache nor store. */
export function eventTarget(target: unknown, namespace: string | undefined): EventTarget {
  if (isCache(target)) {
    if (namespace === undefined) return ofCache(target)
    throw unmet('namespace', 'left out for a cache, which knows its own', namespace)
  }
  return ofStore(readStore(target, 'the target of invalidateOnEvents'), namespace)
}

function isCache(target: unknown): target is Cache {
  const methods = ['delete', 'invalidateTags', 'clear'] as const
  return methods.every((method) => typeof (target as Cache | null)?.[method] === 'function')
}

function ofCache(cache: Cache): EventTarget {
  return {
    makesUp: true,
    takesTags: true,
    clear: () => cache.clear(),
    async invalidate(keys, tags) {
      const work: Promise<void>[] = []
      if (keys.length > 0) work.push(cache.delete(keys))
      if (tags.length > 0) work.push(cache.invalidateTags(tags))
      await settle(work)
    },
  }
}

/** Without a namespace keys are the store's own. With one they are those of caches that have it, and so are tags. */
function ofStore(store: Store, namespace: string | undefined): EventTarget {
  const scope = namespace === undefined ? undefined : new Scope(new Fence(), undefined, namespace)
  return {
    makesUp: false,
    takesTags: scope !== undefined,
    clear: undefined,
    async invalidate(keys, tags) {
      const gone = scope === undefined ? [...keys] : keys.map((key) => storeKey(scope, key))
      if (scope !== undefined && tags.length > 0) {
        // A version that is missing is as good as a new one: what was stored under it is not believed any more. The
        // epoch goes first, for loads that name their tags only at their end.
        await store.delete(tagEpochKey(scope))
        for (const tag of tags) gone.push(tagVersionKey(scope, tag))
      }
      const { maxKeyBytes } = store.capabilities
      const fitting = gone.filter((key) => Buffer.byteLength(key) <= maxKeyBytes)
      if (store.deleteMany !== undefined && fitting.length > 1) await store.deleteMany(fitting)
      else await settle(fitting.map((key) => store.delete(key)))
    },
  }
}

/** All of them, and then the first failure. */
async function settle(work: readonly Promise<void>[]): Promise<void> {
  for (const one of await Promise.allSettled(work)) if (one.status === 'rejected') throw one.reason
}
