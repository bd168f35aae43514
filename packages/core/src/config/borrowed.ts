import type { Store } from '../store/store.ts'

/**
 * A store for use inside another one, which must not close it with itself: it may serve others, and is closed by
 * whoever built it.
 */
export function borrowed(store: Store): Store {
  const view: Record<string, unknown> = {}
  for (let level: object = store; level !== Object.prototype && level !== null; ) {
    for (const name of Object.getOwnPropertyNames(level)) {
      if (name === 'constructor' || name in view) continue
      const member: unknown = store[name as keyof Store]
      view[name] = typeof member === 'function' ? member.bind(store) : member
    }
    level = Object.getPrototypeOf(level) as object
  }
  view.close = async () => undefined
  return view as unknown as Store
}
