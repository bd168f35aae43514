import type { Store } from '@holdfast/core'

const stores = new WeakSet<Store>()

/** Notes a store that compares all it hands out with a digest of 128 bits, so that nobody above it pays for a second one. */
export function noteSelfVerifying(store: Store): void {
  stores.add(store)
}

/** A store made of stores is not known to be: what it hands out is hashed above it. */
export function isSelfVerifying(store: Store): boolean {
  return stores.has(store)
}
