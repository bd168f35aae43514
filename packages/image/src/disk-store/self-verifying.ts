import type { Store } from '@holdfast/core'

/**
 * Registered by core, so that both need no version of each other: a store that has it set compares all it hands out
 * with a digest of its own, and nobody above it pays for a second one.
 */
export const verifies: unique symbol = Symbol.for('holdfast.verifies')

/** A store made of stores is not known to be: what it hands out is hashed above it. */
export function isSelfVerifying(store: Store): boolean {
  return (store as { [verifies]?: boolean })[verifies] === true
}
