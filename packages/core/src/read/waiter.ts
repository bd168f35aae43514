import { copyValue } from '../entry/isolate.ts'
import { ClosedError } from '../errors.ts'
import type { Scope } from '../invalidation/scope.ts'
import type { Engine } from './engine.ts'
import type { Flight } from './flight.ts'
import type { Load } from './load.ts'
import { currentLoad } from './wait-graph.ts'

/**
 * Whether a caller who finds nothing near can do no better than to wait for the load of its key that is under way. One
 * that began over a value which may be served meanwhile does not stand for it: that value, or its fallback, is looked
 * for in the store. `refresh`: the caller wants a value from now, and may need the other one only if the load fails.
 */
export function hasToWait(
  engine: Engine,
  scope: Scope,
  nearKey: string,
  refresh: boolean,
  now: number,
): boolean {
  const flight = engine.joinable(scope, nearKey)
  if (flight === undefined) return false
  const { stale } = flight
  if (stale === undefined || (refresh && stale.sieMs === 0)) return true
  // The store believes it for longer than the near tier.
  return now >= stale.staleAt + Math.max(stale.swrMs, stale.sieMs)
}

/**
 * What a call gets that joins a flight under way. `again` is called where the flight turns out not to be for it:
 * it began after an invalidation of a tag that the loader named only at its end.
 */
export function joinFlight(engine: Engine, flight: Flight, again: () => unknown): Promise<unknown> {
  engine.observer.tracing?.joined(flight.load)
  const late = flight.seq !== engine.fence.seq
  // Without a store nobody else can invalidate anything, and what this process invalidates keeps nobody waiting here.
  const isLateAfar = engine.far !== undefined && flight.called
  if (isLateAfar) flight.joinedLate = true
  const { asked } = flight
  const isTooOld = isLateAfar && isOlderThanMemo(engine, flight)
  return flight.shared.then((value) => {
    // The store had been asked when this call came: its answer may be from before an invalidation that the call follows.
    const isOldAnswer = flight.fromFar && flight.asked === asked
    const isAfar = isLateAfar && (flight.asksAgain || (isTooOld && isStoreOut(engine)))
    if ((late && flight.lateTagsFenced) || isAfar || isOldAnswer) {
      if (flight.scope.isClosed)
        throw new ClosedError('the cache was closed while the value was being loaded')
      return again()
    }
    return flight.copyPerWaiter ? copyValue(value) : value
  })
}

/**
 * While the store is out nobody can be asked what was invalidated elsewhere since a load began. Its value is given to
 * those who joined it late as long as a memo of it would be believed, and to nobody who came later than that.
 */
function isOlderThanMemo({ clock, far }: Engine, { load }: Flight): boolean {
  return far !== undefined && clock.monotonic() - load.startedAt > far.tier.settings.outageMemoMs
}

const isStoreOut = ({ far }: Engine): boolean => far?.tier.store.isUsable === false

/** `answer`, unless the caller's signal aborts first; what it waited for goes on without it. */
export function unlessLeft<T>(answer: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return answer
  if (signal.aborted) {
    answer.catch(() => {})
    return Promise.reject(signal.reason)
  }
  return new Promise((resolve, reject) => {
    const leave = () => reject(signal.reason)
    signal.addEventListener('abort', leave, { once: true })
    answer.then(resolve, reject).finally(() => signal.removeEventListener('abort', leave))
  })
}

/** `answer`, unless the caller's signal aborts first. A caller without a signal keeps the load going to its end. */
export function untilAborted<T>(
  answer: Promise<T>,
  load: Load,
  signal: AbortSignal | undefined,
): Promise<T> {
  if (signal === undefined) {
    load.pin()
    return answer
  }
  return orLeave(answer, load, signal)
}

function orLeave<T>(answer: Promise<T>, load: Load, signal: AbortSignal): Promise<T> {
  const waiter = currentLoad()
  load.board()
  return new Promise<T>((resolve, reject) => {
    const leave = () => {
      reject(signal.reason)
      waiter?.waitsFor?.delete(load)
      load.leave(signal.reason)
    }
    signal.addEventListener('abort', leave, { once: true })
    const stay =
      <A>(settle: (answer: A) => void) =>
      (answer: A) => {
        signal.removeEventListener('abort', leave)
        settle(answer)
      }
    answer.then(stay(resolve), stay(reject))
  })
}
