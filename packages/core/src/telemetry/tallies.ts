import type { CacheEvents } from '../observe/events.ts'
import type { Engine } from '../read/engine.ts'
import type { MetricName } from './metrics-table.ts'

/** The rules by which images are refused; any other reason may be anything, and is not told. */
const imageRules: ReadonlySet<string> = new Set([
  'address',
  'credentials',
  'encoding',
  'expired',
  'integrity',
  'origin',
  'pixels',
  'port',
  'redirect',
  'scheme',
  'signature',
  'size',
  'type',
  'url',
])

/** How often something happened that no counter of the cache counts, by one label of few values. */
export class Tallies {
  readonly #counts = new Map<MetricName, Map<string, number>>()

  note(metric: MetricName, label: string): void {
    const own = this.#counts.get(metric) ?? new Map<string, number>()
    this.#counts.set(metric, own)
    own.set(label, (own.get(label) ?? 0) + 1)
  }

  of(metric: MetricName): Iterable<[label: string, count: number]> {
    return this.#counts.get(metric) ?? []
  }
}

const kept = new WeakMap<Engine, Tallies>()

/** The tallies of a cache, which begin with the first question for them. */
export function talliesOf(engine: Engine): Tallies {
  const there = kept.get(engine)
  if (there !== undefined) return there
  const tallies = new Tallies()
  kept.set(engine, tallies)
  engine.observer.tap((name, event) => {
    if (name === 'breaker')
      tallies.note('breakerTransitions', (event as CacheEvents['breaker']).state)
    else if (name === 'refused') {
      const { reason } = event as CacheEvents['refused']
      if (imageRules.has(reason)) tallies.note('imageBlocked', reason)
    }
  })
  return tallies
}
