import { InvalidOptionError } from '../errors.ts'
import type { Store } from '../store/store.ts'
import { sensitiveDefaults } from './defaults.ts'
import { parseDuration } from './duration.ts'
import { type EntryPolicy, limitLife } from './entry-policy.ts'
import { unmet } from './expectation.ts'
import type { PolicyOfKey } from './key-patterns.ts'
import { refuseUnknownNames } from './known-names.ts'

/** That values are sensitive, and how long one of them is kept at most. */
export interface Sensitivity {
  readonly maxLifeMs: number
}

/** @throws InvalidOptionError */
export function readSensitive(value: unknown, option: string): Sensitivity | undefined {
  if (value === false) return undefined
  if (value !== true && (typeof value !== 'object' || value === null || Array.isArray(value)))
    throw unmet(option, 'true, false or { maxTtl }', value)
  const given = value === true ? {} : (value as { maxTtl?: unknown })
  refuseUnknownNames(given, ['maxTtl'], option)
  const maxTtl = given.maxTtl ?? sensitiveDefaults.maxTtl
  const maxLifeMs = parseDuration(maxTtl, `${option}.maxTtl`)
  if (maxLifeMs > 0 && maxLifeMs < Infinity) return { maxLifeMs }
  throw unmet(`${option}.maxTtl`, 'a duration above 0, and not Infinity', maxLifeMs)
}

/** What is sensitive exists nowhere in clear but in the memory of its processes. @throws InvalidOptionError */
export function refuseClearStore(store: Store | undefined, where: string): void {
  if (store === undefined || store.capabilities.encrypted === true) return
  throw new InvalidOptionError(
    `${where} is sensitive and needs a store that is encrypted; '${store.name}' is not: hand it in as encryptedStore(store, { keys })`,
  )
}

/** As `base`, and nothing is kept for longer than `maxLifeMs`. There are few policies, so each is limited once. */
export function limitPolicies(base: PolicyOfKey, maxLifeMs: number): PolicyOfKey {
  const limited = new Map<EntryPolicy, EntryPolicy>()
  return (key) => {
    const policy = base(key)
    let own = limited.get(policy)
    if (own === undefined) {
      own = limitLife(policy, maxLifeMs)
      limited.set(policy, own)
    }
    return own
  }
}
