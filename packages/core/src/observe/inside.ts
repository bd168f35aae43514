import type { Scope } from '../invalidation/scope.ts'
import type { Engine } from '../read/engine.ts'

/**
 * Where telemetry looks at what no verb tells: tiers, breaker and bus as they are now. Registered, so that another
 * entry of this package, bundled by itself, finds it; a symbol, so that it is no part of the public surface.
 */
export const inside: unique symbol = Symbol.for('holdfast.inside')

/** What is behind a cache or namespace. */
export interface Inside {
  readonly engine: Engine
  readonly scope: Scope
}
