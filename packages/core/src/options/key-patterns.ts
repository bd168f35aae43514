import { InvalidOptionError } from '../errors.ts'
import { describe, type EntryPolicy, extendPolicy } from './entry-policy.ts'
import type { EntryOptions } from './options.ts'

/** Finds the policy of a key: that of the longest pattern that matches it, else `base`. */
export type PolicyOfKey = (key: string) => EntryPolicy

/**
 * Compiles `policies`. `*` stands for any run of characters, every other character for itself.
 * @throws InvalidOptionError for an empty pattern or bad options, naming the pattern.
 */
export function compilePolicies(
  base: EntryPolicy,
  policies: Readonly<Record<string, EntryOptions>> | undefined,
): PolicyOfKey {
  if (policies === undefined) return () => base
  if (typeof policies !== 'object' || policies === null) {
    throw new InvalidOptionError(
      `policies must be an object of entry options by key pattern; it was ${describe(policies)}`,
    )
  }
  const compiled = Object.entries(policies).map(([pattern, options]) => {
    if (pattern === '')
      throw new InvalidOptionError(
        "policies must not hold an empty pattern; use '*' for every key, or defaults",
      )
    return {
      pattern,
      matches: matcher(pattern),
      policy: extendPolicy(base, options, `policies['${pattern}']`),
    }
  })
  if (compiled.length === 0) return () => base
  compiled.sort((a, b) => b.pattern.length - a.pattern.length || (a.pattern < b.pattern ? -1 : 1))
  return (key) => compiled.find((candidate) => candidate.matches(key))?.policy ?? base
}

/** Linear in key and pattern: a pattern cannot be made to backtrack without end, as a regular expression could. */
function matcher(pattern: string): (key: string) => boolean {
  const parts = pattern.split('*')
  const first = parts[0] ?? ''
  const last = parts.at(-1) ?? ''
  if (parts.length === 1) return (key) => key === pattern
  const between = parts.slice(1, -1).filter((part) => part !== '')
  return (key) => {
    if (key.length < first.length + last.length || !key.startsWith(first) || !key.endsWith(last))
      return false
    let from = first.length
    const end = key.length - last.length
    for (const part of between) {
      const at = key.indexOf(part, from)
      if (at === -1 || at + part.length > end) return false
      from = at + part.length
    }
    return true
  }
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
  const own =
    typeof options === 'object' && options !== null && !Array.isArray(options)
      ? { ...options }
      : options
  const layered = new Map<EntryPolicy, EntryPolicy>()
  const extend = (policy: EntryPolicy): EntryPolicy => {
    let extended = layered.get(policy)
    if (extended === undefined) {
      extended = extendPolicy(policy, own, where)
      layered.set(policy, extended)
    }
    return extended
  }
  extend(base(anyKey))
  return (key) => extend(base(key))
}

/** Stands for a key where only the options are to be checked. */
const anyKey = '*'
