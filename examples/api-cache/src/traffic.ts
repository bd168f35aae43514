import type { AirportData } from './airports.ts'
import { seeded, shuffled, waitingTime, zipf } from './random.ts'

/** One request of the plan: when it is due, counted from the start, and what it asks for. */
export interface Arrival {
  atMs: number
  path: string
}

export interface TrafficOptions {
  seconds: number
  perSecond: number
  seed: number
}

/** Exponent of Zipf's law for the popularity of airports and countries. */
export const zipfExponent = 1.1

/**
 * The requests of a stretch of time, planned before any is sent: independent users (Poisson arrivals), of
 * whom most ask for the same few places. Both arms are given the same plan.
 */
export function planTraffic(data: AirportData, options: TrafficOptions): Arrival[] {
  // One order of popularity for all acts; large airports are the more popular ones.
  const order = shuffled(seeded(1), [...data.airports.values()])
  const bySize = order.sort((a, b) => Number(b.size === 'large') - Number(a.size === 'large'))

  const random = seeded(options.seed)
  const airport = zipf(random, bySize, zipfExponent)
  const country = zipf(random, shuffled(seeded(2), [...data.countries.keys()]), zipfExponent)

  const plan: Arrival[] = []
  const gapMs = 1_000 / options.perSecond
  for (
    let atMs = waitingTime(random, gapMs);
    atMs < options.seconds * 1_000;
    atMs += waitingTime(random, gapMs)
  ) {
    const kind = random()
    if (kind < 0.7) plan.push({ atMs, path: `/airports/${airport().iata}` })
    else if (kind < 0.8) plan.push({ atMs, path: `/airports/${airport().iata}/nearby` })
    else plan.push({ atMs, path: `/countries/${country()}/airports` })
  }
  return plan
}
