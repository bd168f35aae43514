import { refuseUnknownName } from '../options/known-names.ts'
import { attemptAt } from './check-node.ts'
import { ConfigError } from './config-error.ts'
import { configNode } from './config-node.ts'
import type { HoldfastConfig } from './config-options.ts'
import { walkNode } from './walk-node.ts'

interface Edge {
  readonly to: string
  readonly path: string
}

/**
 * Whether every name that is referred to exists, no store is behind itself, and no two caches share a name or a
 * namespace.
 * @throws ConfigError
 */
export function checkReferences(config: HoldfastConfig): void {
  const behind = new Map<string, Edge[]>()
  walkNode(configNode, config, '', (place, value, path) => {
    if (place.kind === 'secret') return value
    const name = value as string
    const known = Object.keys(config[place.to] ?? {})
    if (known.length === 0)
      throw new ConfigError(`${path} refers to one of ${place.to}, of which there are none`, {
        path,
      })
    if (!known.includes(name))
      attemptAt(path, () => refuseUnknownName(name, known, `${path}: ${place.to} has no`))
    const [, store] = /^stores\.([^.]+)\./.exec(path) ?? []
    if (store !== undefined && place.to === 'stores')
      behind.set(store, [...(behind.get(store) ?? []), { to: name, path }])
    return value
  })
  for (const store of behind.keys()) refuseCircle(behind, store, [])
  refuseTwins(config)
}

function refuseCircle(behind: ReadonlyMap<string, Edge[]>, store: string, way: string[]): void {
  const steps = [...way, store]
  for (const { to, path } of behind.get(store) ?? []) {
    if (steps.includes(to)) {
      const circle = [...steps.slice(steps.indexOf(to)), to].join(' -> ')
      throw new ConfigError(`${path} makes a circle of stores: ${circle}`, { path })
    }
    refuseCircle(behind, to, steps)
  }
}

function refuseTwins({ caches = {} }: HoldfastConfig): void {
  const names = new Map<string, string>()
  const spaces = new Map<string, string>()
  for (const [key, cache] of Object.entries(caches)) {
    const name = cache.name ?? key
    const path = `caches.${key}`
    const twin = names.get(name)
    if (twin !== undefined)
      throw new ConfigError(
        `${path}.name must not be that of caches.${twin}: their metrics could not be told apart`,
        { path: `${path}.name` },
      )
    names.set(name, key)
    if (cache.store === undefined) continue
    const space = JSON.stringify([cache.store, cache.namespace ?? name])
    const neighbour = spaces.get(space)
    if (neighbour !== undefined)
      throw new ConfigError(
        `${path}.namespace must not be that of caches.${neighbour} in the same store: one would read and clear what is the other's`,
        { path: `${path}.namespace` },
      )
    spaces.set(space, key)
  }
}
