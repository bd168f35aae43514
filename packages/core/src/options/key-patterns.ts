import { InvalidOptionError } from '../errors.ts'
import { type EntryPolicy, extendPolicy } from './entry-policy.ts'
import type { EntryOptions } from './options.ts'
import { readObject } from './readers.ts'

/** Finds the policy of a key: that of the longest pattern that matches it, else `base`. */
export type PolicyOfKey = (key: string) => EntryPolicy

/**
 * Compiles `policies`. `*` stands for any run of characters, every other character for itself.
 * @throws InvalidOptionError for an empty pattern or bad options, naming the pattern.
 */
export function compilePolicies(
  base: EntryPolicy,
  policies: Readonly<Record<string, EntryOptions>> = {},
): PolicyOfKey {
  readObject(policies, 'policies')
  const compiled = Object.entries(policies).map(([pattern, options]) => {
    if (pattern === '')
      throw new InvalidOptionError(
        "policies must not hold an empty pattern; use '*' for every key, or defaults",
      )
    return {
      pattern,
      parts: pattern.split('*'),
      policy: extendPolicy(base, options, `policies['${pattern}']`),
    }
  })
  if (compiled.length === 0) return () => base
  compiled.sort((a, b) => b.pattern.length - a.pattern.length || (a.pattern < b.pattern ? -1 : 1))
  return (key) => compiled.find(({ parts }) => matches(key, parts))?.policy ?? base
}

/**
 * Whether the parts around the stars stand in a key, in their order, the first and the last at its ends. Linear in key
 * and pattern: a pattern cannot be made to backtrack without end, as a regular expression could.
 */
function matches(key: string, parts: readonly string[]): boolean {
  let from = 0
  for (const [index, part] of parts.entries()) {
    const isLast = index === parts.length - 1
    const at = index === 0 ? 0 : isLast ? key.length - part.length : key.indexOf(part, from)
    if (at < from || !key.startsWith(part, at)) return false
    from = at + part.length
  }
  return from === key.length
}

/**
 * `options` on top of whatever `base` finds for a key. There are few policies, so each is extended once and not at
 * every call.
 * @throws InvalidOptionError at once, not at the first key.
 */
export function layerPolicies(
  base: PolicyOfKey,
  options: EntryOptions | undefined,
  where: string,
): PolicyOfKey {
  if (options === undefined) return base
  // Stands for a key where only the options are to be checked.
  extendPolicy(base('*'), options, where)
  const own = { ...options }
  const layered = new Map<EntryPolicy, EntryPolicy>()
  return (key) => {
    const policy = base(key)
    let extended = layered.get(policy)
    if (extended === undefined) {
      extended = extendPolicy(policy, own, where)
      layered.set(policy, extended)
    }
    return extended
  }
}
