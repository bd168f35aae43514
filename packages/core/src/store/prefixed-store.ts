import { InvalidOptionError } from '../errors.ts'
import type { Store } from './store.ts'

/**
 * A store inside a store: every key lives under `prefix` there, and nothing outside it can be read, changed or
 * listed. It can do what the inner one can, takes keys that are shorter by the prefix, and closes the inner one with
 * itself. Its bus is the inner one's, shared by all prefixes.
 * @throws {InvalidOptionError} for a prefix that is empty or leaves no room for a key.
 */
export function prefixedStore(store: Store, prefix: string): Store {
  if (typeof prefix !== 'string' || prefix === '') {
    throw new InvalidOptionError('prefixedStore expects a prefix that is a non-empty string')
  }
  const maxKeyBytes = store.capabilities.maxKeyBytes - Buffer.byteLength(prefix)
  if (maxKeyBytes < 1) {
    throw new InvalidOptionError(
      `the prefix of prefixedStore leaves no room for a key: '${store.name}' takes keys of at most ${store.capabilities.maxKeyBytes} bytes; choose a shorter prefix`,
    )
  }
  const inside = (key: string) => prefix + key
  const view: Store = {
    name: store.name,
    capabilities: { ...store.capabilities, maxKeyBytes },
    get: (key) => store.get(inside(key)),
    set: (key, bytes, keep) => store.set(inside(key), bytes, keep),
    delete: (key) => store.delete(inside(key)),
  }
  // Only what the inner store has is passed on: an absent method is how a store says what it cannot do.
  if (store.getMany) view.getMany = (keys) => store.getMany!(keys.map(inside))
  if (store.setMany) {
    view.setMany = (entries) =>
      store.setMany!(entries.map((entry) => ({ ...entry, key: inside(entry.key) })))
  }
  if (store.deleteMany) view.deleteMany = (keys) => store.deleteMany!(keys.map(inside))
  if (store.add) view.add = (key, bytes, keep) => store.add!(inside(key), bytes, keep)
  if (store.replace) {
    view.replace = (key, head, bytes, keep) => store.replace!(inside(key), head, bytes, keep)
  }
  if (store.touch) view.touch = (key, keep) => store.touch!(inside(key), keep)
  if (store.list) {
    view.list = async function* (start) {
      for await (const key of store.list!(inside(start))) yield key.slice(prefix.length)
    }
  }
  if (store.bus) view.bus = () => store.bus!()
  if (store.metrics) view.metrics = () => store.metrics!()
  if (store.close) view.close = () => store.close!()
  return view
}
