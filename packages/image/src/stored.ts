/** Registered by core, so that both need no version of each other. */
const isStored: unique symbol = Symbol.for('holdfast.isStored')

/**
 * Whether what a loader returned, by the context it was handed, lies where it is to be kept: in the store, or in memory
 * where there is none. A store refuses what is too large for it. Known once the callers have their answer; a cache that
 * does not know, such as a fake one, is taken to keep everything.
 */
export function isStoredAfter(context: object): boolean {
  return (context as { [isStored]?: boolean })[isStored] ?? true
}
