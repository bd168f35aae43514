import type { Cache } from '../cache.ts'
import { InvalidOptionError } from '../errors.ts'
import { type Inside, inside } from '../observe/inside.ts'
import { describe } from '../options/expectation.ts'
import type { Engine } from '../read/engine.ts'

/** What is behind a cache. @throws InvalidOptionError for what `createCache` has not made. */
export function engineOf(cache: Cache, where: string): Engine {
  const engine = (cache as { [inside]?: Inside } | null | undefined)?.[inside]?.engine
  if (engine !== undefined) return engine
  throw new InvalidOptionError(
    `${where} must be given a cache that createCache has made; it was ${describe(cache)}`,
  )
}

/** What is behind several, each once: a namespace counts with the cache it is in. @throws InvalidOptionError */
export function enginesOf(caches: Cache | readonly Cache[], where: string): readonly Engine[] {
  const engines = new Set([caches].flat().map((cache) => engineOf(cache as Cache, where)))
  const names = new Set<string>()
  for (const { name } of engines) {
    if (names.has(name)) {
      throw new InvalidOptionError(
        `${where} was given two caches named '${name}', whose numbers could not be told apart; give createCache a name for each`,
      )
    }
    names.add(name)
  }
  return [...engines]
}
