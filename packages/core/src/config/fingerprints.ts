import { configNode } from './config-node.ts'
import type { HoldfastConfig } from './config-options.ts'
import { inDigests, type Revealed } from './revealed.ts'
import { walkNode } from './walk-node.ts'

/**
 * What tells two parts of configurations apart: all they say, and all that stands behind them. Secrets that are read
 * once are in it as digests.
 */
export function fingerprints(
  config: HoldfastConfig,
  revealed: Revealed,
  pools: ReadonlyMap<string, unknown>,
): (kind: keyof HoldfastConfig, name: string) => string {
  const digests = inDigests(config, revealed) as Record<string, Record<string, unknown>>
  const behind = new Map<string, string[]>()
  walkNode(configNode, config, '', (place, value, path) => {
    const [, part] = /^([^.]+\.[^.[]+)/.exec(path) ?? []
    // An image cache stands on a handle, which stays the same.
    if (place.kind === 'reference' && place.to !== 'caches')
      behind.set(part!, [...(behind.get(part!) ?? []), `${place.to}.${value as string}`])
    return value
  })
  const printOf = (part: string): string => {
    const [kind = '', name = ''] = part.split('.')
    const { capacity: _, ...own } = (digests[kind]?.[name] ?? {}) as Record<string, unknown>
    const exact = JSON.stringify(own, (_name, value: unknown) =>
      value === Infinity ? 'Infinity' : value,
    )
    const pool = kind === 'rings' ? JSON.stringify(pools.get(name)) : ''
    return `${part}${exact}${pool}(${(behind.get(part) ?? []).map(printOf).join()})`
  }
  return (kind, name) => printOf(`${kind}.${name}`)
}
