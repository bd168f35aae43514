import { AsyncLocalStorage, AsyncResource } from 'node:async_hooks'
import { ReentrantLoadError } from '../errors.ts'

/**
 * Which load waits for which, over all caches of the process. A loader that calls `wrap` waits for another load;
 * if that one, directly or over others, waits for the first, none of them can ever end. Looking at ancestors alone
 * would miss the circle that two separate calls close, so the edges themselves are followed.
 */
export interface Waiting {
  settled: boolean
  /** The load from whose loader this one was started. */
  readonly startedBy: Waiting | undefined
  waitsFor: Set<Waiting> | undefined
  /** At this many edges those to loads that are done are dropped. */
  pruneAt: number
}

const running = new AsyncLocalStorage<Waiting>()

/** The load whose loader is asking, if one is and is still awaited. */
export function currentLoad(): Waiting | undefined {
  const load = running.getStore()
  return load === undefined || load.settled ? undefined : load
}

/**
 * Runs a loader so that calls from inside it are known as its own. Not by `running.run`: on Node 24 that makes two
 * copies of all that the async context holds, one for the loader and one for the caller to go on with. An
 * AsyncResource gives the caller back the context it had.
 */
export function runAs<A, T>(load: Waiting, run: (argument: A) => T, argument: A): T {
  const here = new AsyncResource('HoldfastLoad', loadResource)
  return here.runInAsyncScope(enter<A, T>, undefined, load, run, argument)
}

const loadResource = { requireManualDestroy: true }

function enter<A, T>(load: Waiting, run: (argument: A) => T, argument: A): T {
  running.enterWith(load)
  return run(argument)
}

export const leastPruneAt = 64

/**
 * Notes that `waiter` waits for `target`.
 * @throws ReentrantLoadError if `target` waits for `waiter`, or is `waiter`.
 */
export function waitFor(waiter: Waiting, target: Waiting, key: string): void {
  if (reaches(target, waiter)) throw reentrant(key)
  waiter.waitsFor ??= new Set()
  if (waiter.waitsFor.size >= waiter.pruneAt) {
    for (const other of waiter.waitsFor) if (other.settled) waiter.waitsFor.delete(other)
    // Doubled, or a loader that waits for ten thousand others would look at all of them for each.
    waiter.pruneAt = Math.max(leastPruneAt, 2 * waiter.waitsFor.size)
  }
  waiter.waitsFor.add(target)
}

export function reentrant(key: string): ReentrantLoadError {
  return new ReentrantLoadError(
    `the loader of a key of ${key.length} characters waits, directly or over other loads, for its own result; load what it needs without wrap, or under another key`,
  )
}

function reaches(from: Waiting, goal: Waiting): boolean {
  if (from === goal) return true
  const seen = new Set<Waiting>([from])
  for (const load of seen) {
    if (load.settled || load.waitsFor === undefined) continue
    for (const next of load.waitsFor) {
      if (next === goal) return true
      seen.add(next)
    }
  }
  return false
}
