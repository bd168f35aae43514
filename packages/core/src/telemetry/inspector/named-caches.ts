import type { Cache } from '../../cache.ts'
import { InvalidOptionError } from '../../errors.ts'
import { type Inside, inside } from '../../observe/inside.ts'
import { unmet } from '../../options/expectation.ts'

/** One cache, several, or several under names of their own. */
export type InspectedCaches = Cache | readonly Cache[] | Readonly<Record<string, Cache>>

const verbs = ['wrap', 'explain', 'stats', 'health', 'on'] as const

const isCache = (value: unknown): value is Cache =>
  verbs.every((verb) => typeof (value as Partial<Cache> | undefined)?.[verb] === 'function')

/** The caches by name, in the order given. @throws InvalidOptionError */
export function nameCaches(caches: unknown): ReadonlyMap<string, Cache> {
  const where = 'the first argument of inspector(caches, options)'
  if (typeof caches !== 'object' || caches === null)
    throw unmet(where, 'a cache, an array of caches or caches by name', caches)
  const given: readonly (readonly [string | undefined, unknown])[] = isCache(caches)
    ? [[undefined, caches]]
    : Array.isArray(caches)
      ? caches.map((cache) => [undefined, cache])
      : Object.entries(caches)
  if (given.length === 0) throw unmet(where, 'at least one cache', caches, 'without any')
  const named = new Map<string, Cache>()
  for (const [ownName, cache] of given) {
    if (!isCache(cache)) throw unmet(`each of ${where}`, 'a cache', cache)
    const name = ownName ?? nameOf(cache)
    if (named.has(name)) {
      throw new InvalidOptionError(
        `the caches of inspector(caches, options) must have names of their own; '${name}' came twice: hand them in as { one: cache, other: cache }`,
      )
    }
    named.set(name, cache)
  }
  return named
}

const nameOf = (cache: Cache): string =>
  (cache as { readonly [inside]?: Inside })[inside]?.engine.name ?? 'cache'
