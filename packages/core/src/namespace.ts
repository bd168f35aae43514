import { InvalidOptionError } from './errors.ts'
import type { Scope } from './invalidation/scope.ts'
import { layerPolicies, type PolicyOfKey } from './options/key-patterns.ts'
import { partNamespaceOptions } from './options/namespace-options.ts'
import type { NamespaceOptions } from './options/options.ts'
import { readName } from './options/readers.ts'
import { limitPolicies, refuseClearStore } from './options/sensitive.ts'
import type { Engine } from './read/engine.ts'

/**
 * What a namespace has of its own: its scope, and its policies over those it is in.
 * @throws InvalidOptionError
 */
export function namespaceOf(
  engine: Engine,
  outer: Scope,
  outerPolicyOfKey: PolicyOfKey,
  name: string,
  defaults: NamespaceOptions | undefined,
): { readonly scope: Scope; readonly policyOfKey: PolicyOfKey } {
  const path = readName(name, 'namespace(name)')
  const { values, sensitive, entries } = partNamespaceOptions(defaults)
  let policyOfKey = layerPolicies(outerPolicyOfKey, entries, 'namespace defaults')
  const scope = outer.child(path)
  if (sensitive === false && scope.isSensitive) {
    throw new InvalidOptionError(
      'namespace defaults.sensitive must not be false inside of what is sensitive',
    )
  }
  if (sensitive) {
    refuseClearStore(engine.settings.far?.store, 'namespace(name)')
    scope.declareSensitive()
    policyOfKey = limitPolicies(policyOfKey, sensitive.maxLifeMs)
  }
  if (values !== undefined) scope.values = values
  return { scope, policyOfKey }
}
