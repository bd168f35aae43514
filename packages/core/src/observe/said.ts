import { createHmac, randomBytes } from 'node:crypto'
import type { Scope } from '../invalidation/scope.ts'

/**
 * How a key or tag is called in events, warnings and explanations. One of a sensitive namespace is not told: what
 * stands for it is the same within this process, so that events can be brought together, and means nothing outside it.
 */
export function said(scope: Scope, name: string): string {
  return scope.isSensitive ? standIn(name) : name
}

export function allSaid(scope: Scope, names: readonly string[]): readonly string[] {
  return scope.isSensitive ? names.map(standIn) : names
}

// A digest without a secret would be found by trying out names.
let secret: Buffer | undefined

/** What is told in place of a name that must not be. */
export function standIn(name: string): string {
  secret ??= randomBytes(32)
  return `sensitive:${createHmac('sha256', secret).update(name).digest('hex').slice(0, 16)}`
}
