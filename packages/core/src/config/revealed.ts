import { createHash } from 'node:crypto'
import { configNode } from './config-node.ts'
import type { HoldfastConfig } from './config-options.ts'
import type { Secret } from './secret.ts'
import { walkNode } from './walk-node.ts'

/** What every secret of a configuration is at present. */
export type Revealed = ReadonlyMap<Secret, string>

/** @throws ConfigError, as a rejection, for one that does not resolve. */
export async function revealSecrets(config: HoldfastConfig): Promise<Revealed> {
  const found: [Secret, string][] = []
  walkNode(configNode, config, '', (place, value, path) => {
    if (place.kind === 'secret') found.push([value as Secret, path])
    return value
  })
  return new Map(
    await Promise.all(
      found.map(async ([secret, path]) => [secret, await secret.reveal(path)] as const),
    ),
  )
}

/** The configuration as the builders take it: secrets in clear, or as functions where they may be rotated. */
export function inClear(config: HoldfastConfig, revealed: Revealed): HoldfastConfig {
  return walkNode(configNode, config, '', (place, value, path) => {
    if (place.kind !== 'secret') return value
    const secret = value as Secret
    return place.live && secret.isLive ? () => secret.reveal(path) : revealed.get(secret)!
  }) as HoldfastConfig
}

/**
 * The configuration with a digest for each secret that is read once, so that two can be compared: a secret that is
 * asked for at each use is the same as long as its reference is.
 */
export function inDigests(config: HoldfastConfig, revealed: Revealed): HoldfastConfig {
  return walkNode(configNode, config, '', (place, value) => {
    if (place.kind !== 'secret') return value
    const secret = value as Secret
    return place.live && secret.isLive
      ? secret.label
      : createHash('sha256').update(revealed.get(secret)!).digest('base64')
  }) as HoldfastConfig
}
