import { configNode } from '../config/config-node.ts'
import type { HoldfastConfig } from '../config/config-options.ts'
import type { Secret } from '../config/secret.ts'
import { walkNode } from '../config/walk-node.ts'
import { type Finding, notesInto } from './finding.ts'

/** What is risky in a configuration without asking anybody. */
export function checkConfiguration(config: HoldfastConfig, findings: Finding[]): void {
  const used = new Set<string>()
  walkNode(configNode, config, '', (place, value, path) => {
    if (place.kind === 'reference') used.add(`${place.to}.${value as string}`)
    else if ((value as Secret).label === 'text')
      notesInto(findings, path).warning(
        'secret',
        'the secret itself stands in the configuration',
        "write 'env:NAME' or 'file:/path' in its place",
      )
    return value
  })
  for (const name of Object.keys(config.stores ?? {}))
    if (!used.has(`stores.${name}`))
      notesInto(findings, `stores.${name}`).note(
        'use',
        'nothing in the configuration refers to it',
        'leave it out, unless the application asks for it',
      )
  for (const [name, cache] of Object.entries(config.caches ?? {})) {
    const notes = notesInto(findings, `caches.${name}`)
    if (cache.enabled === false)
      notes.warning('enabled', 'it is switched off: every call loads', 'set enabled: true')
    if (cache.store === undefined) continue
    const endless = Object.entries({ defaults: cache.defaults, ...cache.policies })
      .filter(([, options]) => options?.ttl === Infinity)
      .map(([where]) => where)
    if (endless.length > 0)
      notes.warning(
        'ttl',
        `without an end (${endless.join(', ')}): what is cleared or invalidated by a tag keeps its bytes for good`,
        "give it an end, such as '30d'",
      )
  }
  for (const [name, { cookie }] of Object.entries(config.sessions ?? {}))
    if (cookie?.secure === false)
      notesInto(findings, `sessions.${name}`).warning(
        'cookie',
        'its cookie goes over HTTP, too, where anybody on the way can take it',
        'leave cookie.secure out; browsers take http://localhost for secure',
      )
  for (const [name, image] of Object.entries(config.images ?? {})) {
    const notes = notesInto(findings, `images.${name}`)
    if ((image.origins as unknown[]).includes('*'))
      notes.warning(
        'origins',
        "'*' lets anybody fetch any public image through it",
        'name the origins, or sign the addresses (handler.signing)',
      )
  }
}
