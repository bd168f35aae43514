import type { Measure } from '../observe/measuring.ts'
import type { Observer } from '../observe/observer.ts'

/** Several may measure one cache: the text for Prometheus, and a meter. */
const hearers = new WeakMap<Observer, Set<Measure>>()

/** Hears what a cache measures until the returned function is called. It must not throw. */
export function hearMeasures(observer: Observer, hear: Measure): () => void {
  const all = hearers.get(observer) ?? new Set()
  hearers.set(observer, all)
  all.add(hear)
  observer.measure ??= (name, value, labels) => {
    for (const each of all) each(name, value, labels)
  }
  return () => {
    all.delete(hear)
    if (all.size === 0) observer.measure = undefined
  }
}
