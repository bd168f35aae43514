import { StoreError } from '../errors.ts'
import type { Store, StoreCapabilities } from './store.ts'

/** What a store made of these can promise: what all of them take, and what any of them does to what it holds. */
export function commonCapabilities(stores: readonly Store[]): StoreCapabilities {
  const all = stores.map(({ capabilities }) => capabilities)
  return {
    ttlGranularityMs: Math.max(...all.map(({ ttlGranularityMs }) => ttlGranularityMs)),
    maxKeyBytes: Math.min(...all.map(({ maxKeyBytes }) => maxKeyBytes)),
    maxValueBytes: Math.min(...all.map(({ maxValueBytes }) => maxValueBytes)),
    ...(all.every(({ encrypted }) => encrypted) ? { encrypted: true } : {}),
    ...(all.some(({ evicts }) => evicts) ? { evicts: true } : {}),
  }
}

/** @throws StoreError `invalid-key` or `too-large` for what a store of this name does not take. */
export function refuseBeyondLimits(
  store: string,
  { maxKeyBytes, maxValueBytes }: StoreCapabilities,
  operation: string,
  key: string,
  bytes?: Uint8Array,
): void {
  if (key.length * 3 > maxKeyBytes && Buffer.byteLength(key) > maxKeyBytes) {
    throw new StoreError(
      `the store '${store}' takes keys of at most ${maxKeyBytes} bytes, not of ${Buffer.byteLength(key)}; shorten the key`,
      { kind: 'invalid-key', store, operation },
    )
  }
  if (bytes !== undefined && bytes.byteLength > maxValueBytes) {
    throw new StoreError(
      `the store '${store}' takes values of at most ${maxValueBytes} bytes, not of ${bytes.byteLength}; keep less`,
      { kind: 'too-large', store, operation },
    )
  }
}
