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

/**
 * Attaches to what is behind a cache until the returned function is called. A cache whose configuration changed has
 * another one behind it: when the former closes, `again` attaches to that.
 */
export function follow(
  cache: Cache,
  where: string,
  attach: (engine: Engine, again: () => void) => () => void,
): () => void {
  let hasEnded = false
  let end = () => {}
  const begin = () => {
    const engine = engineOf(cache, where)
    if (!hasEnded && !engine.root.isClosed) end = attach(engine, begin)
  }
  begin()
  return () => {
    hasEnded = true
    end()
  }
}
