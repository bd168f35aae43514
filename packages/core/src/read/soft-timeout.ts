import type { Entry } from '../entry/entry.ts'
import { type EntryPolicy, softTimeoutOf } from '../options/entry-policy.ts'
import { Expiring } from '../resilience/deadlines.ts'
import type { Engine } from './engine.ts'
import { countAnswer, countLoaded, type Wait } from './outcome.ts'

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
    const stale = () => {
      answered = true
      countAnswer(engine, operation, wait.key, 'stale', wait.since)
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
        if (!wait.coalesced) engine.observer.error('fallback', error, wait.key)
        stale()
      },
    )
    if (wait.load === undefined || wait.load.settled) return
    const now = engine.clock.monotonic()
    const left = softTimeoutOf(policy) - (now - wait.load.startedAt)
    if (left <= 0) stale()
    else engine.deadlines.add(patience, left, now)
  })
}

class Patience extends Expiring {
  readonly #ended: () => void

  constructor(ended: () => void) {
    super()
    this.#ended = ended
  }

  expire(): void {
    this.#ended()
  }
}
