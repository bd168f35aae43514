import type { Clock } from '../clock.ts'
import type { Budget } from '../resilience/budget.ts'
import { mostAtOnce } from './groups.ts'

/**
 * Runs `claim` for each item, group after group. A claim counts from when it was sent, so that one which queues behind
 * thousands is old before it is answered; and those still under way when the time is up would be held against a store
 * that is well. So a group is sent only while there is time for one that takes as long as the one before; the rest gets
 * `spent`, under which nothing is sent.
 */
export async function claimInGroups<T>(
  items: readonly T[],
  budget: Budget,
  spent: Budget,
  clock: Clock,
  claim: (item: T, budget: Budget) => Promise<void>,
): Promise<void> {
  let lastMs = 0
  for (let from = 0; from < items.length; from += mostAtOnce) {
    const since = clock.monotonic()
    const hasTime = budget.leftMs > lastMs
    const group = items.slice(from, from + mostAtOnce)
    await Promise.all(group.map((item) => claim(item, hasTime ? budget : spent)))
    lastMs = Math.max(lastMs, clock.monotonic() - since)
  }
}
