import type { Store, StoreEntry } from '../store/store.ts'

/* The one correct default for each method of many keys that a store may lack. */

export async function deleteAll(store: Store, keys: readonly string[]): Promise<void> {
  const [only] = keys
  if (keys.length === 1 && only !== undefined) return store.delete(only)
  if (store.deleteMany !== undefined) return store.deleteMany(keys)
  await Promise.all(keys.map((key) => store.delete(key)))
}

export function getAll(store: Store, keys: readonly string[]): Promise<(Uint8Array | undefined)[]> {
  if (store.getMany !== undefined) return store.getMany(keys)
  return Promise.all(keys.map((key) => store.get(key)))
}

/** What keys weigh in counters: their characters. */
export function lengthOf(keys: readonly string[]): number {
  let length = 0
  for (const key of keys) length += key.length
  return length
}

export async function setAll(store: Store, entries: readonly StoreEntry[]): Promise<void> {
  if (store.setMany !== undefined) return store.setMany(entries)
  await Promise.all(entries.map((entry) => store.set(entry.key, entry.bytes, entry)))
}
