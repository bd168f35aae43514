import type { Entry } from '../entry/entry.ts'
import { type EntryPolicy, softTimeoutOf } from '../options/entry-policy.ts'
import { Patience } from '../resilience/deadlines.ts'
import type { Engine } from './engine.ts'
import { countAnswer, countLoaded, type Wait } from './outcome.ts'
import { currentLoad } from './wait-graph.ts'

/**
 * The answer of a load, or the stale value if the load fails or has been running for `softTimeout`. The load goes
 * on behind; its failure is an event, as no caller sees it.
 */
export function orStaleAfter(
  engine: Engine,
  policy: EntryPolicy,
  operation: 'wrap' | 'wrapMany',
  entry: Entry,
  wait: Wait,
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    let answered = false
    const waiter = currentLoad()
    const stale = () => {
      answered = true
      // From here on nobody waits: neither a signal nor a circle of loads has to do with this caller any more.
      if (wait.load !== undefined) {
        wait.load.goBehind()
        waiter?.waitsFor?.delete(wait.load)
      }
      countAnswer(engine, wait.scope, operation, wait.key, 'stale', wait.since, 'near', entry)
      resolve(engine.valueOf(entry))
    }
    const patience = new Patience(() => {
      if (!answered) stale()
    })
    wait.answer.then(
      (value) => {
        engine.deadlines.remove(patience)
        if (answered) return
        answered = true
        countLoaded(engine, operation, wait, 'miss')
        resolve(value)
      },
      (error: unknown) => {
        engine.deadlines.remove(patience)
        if (answered) return
        // A caller that left by its signal wants no answer at all.
        if (policy.signal?.aborted) {
          answered = true
          reject(error)
          return
        }
        // Of all who wait for one load, one reports its failure.
        if (!wait.coalesced && !wait.load?.isBehind)
          engine.failed('fallback', error, wait.scope, wait.key)
        stale()
      },
    )
    if (wait.load === undefined || wait.load.settled) return
    const now = engine.clock.monotonic()
    // Whole milliseconds, so that callers who join at different instants share lanes.
    const left = Math.ceil(softTimeoutOf(policy) - (now - wait.load.startedAt))
    if (left <= 0) stale()
    else engine.deadlines.add(patience, left, now)
  })
}
