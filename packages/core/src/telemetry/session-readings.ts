import type { SessionStats } from '../session/session-counters.ts'
import type { Sample } from './readings.ts'

/** What `createSessions` made, by a name for each. */
export type NamedSessions = Readonly<Record<string, { stats(): SessionStats }>>

/** What each counter counts, in the words of the metric. */
const events = {
  created: 'created',
  saved: 'saved',
  touched: 'renewed',
  regenerated: 'regenerated',
  destroyed: 'destroyed',
  erased: 'erased',
  conflicts: 'conflict',
  dropped: 'dropped',
  rejected: 'rejected',
  unknown: 'unknown',
  damaged: 'damaged',
  retries: 'retried',
  failed: 'failed',
} as const satisfies Record<Exclude<keyof SessionStats, 'waiting'>, string>

/** What is known of sessions now. */
export function sessionReadings(named: NamedSessions): readonly Sample[] {
  return Object.entries(named).flatMap(([sessions, { stats }]) => {
    const counted = stats()
    return Object.entries(events).map(
      ([counter, event]): Sample => ({
        metric: 'sessionEvents',
        labels: { sessions, event },
        value: counted[counter as keyof typeof events],
      }),
    )
  })
}
