import type { Clock, TimerHandle } from '../clock.ts'
import { InvalidOptionError } from '../errors.ts'
import { type Duration, parseDuration } from '../options/duration.ts'
import { refuseUnknownNames } from '../options/known-names.ts'
import { readObject } from '../options/readers.ts'
import { seededRandom } from './seeded-random.ts'

export interface FakeClockOptions {
  /** The instant the clock starts at, in Unix milliseconds. Default: 2026-01-01T00:00:00Z. */
  readonly now?: number
  /** What `random()` follows from; the same seed gives the same numbers. Default 1. */
  readonly seed?: number
}

/** A clock that stands still until a test moves it. Time and chance of a cache both come from it. */
export interface FakeClock extends Clock {
  /**
   * Moves time on and fires the timers that fall due, in their order and each at its own instant. Before the first,
   * after each and at the end, promise chains are let run until they rest.
   * @throws InvalidOptionError (as a rejection) for a duration that is not finite; whatever a timer throws.
   */
  advance(duration: Duration): Promise<void>
  /** How many timers wait; 0 after `close()` of a cache that cleans up behind itself. */
  readonly pendingTimers: number
}

interface Timer {
  readonly dueAt: number
  readonly callback: () => void
}

/** Taken before a test can replace it: runners that fake timers fake this one too. */
const nextTurn = globalThis.setImmediate

/** A test that needs more turns than this waits for something that only real time brings. */
const maxTurns = 100

/** Arbitrary, and not 0, so that code which takes 0 for "never" shows its mistake. */
const monotonicStart = 1_000

/**
 * A `Clock` for tests: it reads no time, sleeps never, and repeats itself exactly.
 * @throws InvalidOptionError for a `now` or `seed` that is no finite number, and for any other name.
 */
export function fakeClock(options: FakeClockOptions = {}): FakeClock {
  refuseUnknownNames(readObject(options, 'fakeClock'), ['now', 'seed'], 'fakeClock')
  const startedAt = finite('now', options.now ?? Date.UTC(2026, 0, 1))
  const random = seededRandom(finite('seed', options.seed ?? 1))
  let monotonic = monotonicStart
  const timers: Timer[] = []
  let uses = 0
  let moving: Promise<void> = Promise.resolve()

  // One turn of the event loop runs every microtask there is, however long the chain. Code that used the clock in
  // that turn may have gone on behind something slower than a microtask (zlib, a file), so it gets another turn.
  async function settle(): Promise<void> {
    for (let turn = 0; turn < maxTurns; turn++) {
      const usesBefore = uses
      await new Promise<void>((resolve) => nextTurn(resolve))
      if (uses === usesBefore) return
    }
  }

  async function move(ms: number): Promise<void> {
    await settle()
    const end = monotonic + ms
    for (let timer = timers[0]; timer !== undefined && timer.dueAt <= end; timer = timers[0]) {
      timers.shift()
      monotonic = Math.max(monotonic, timer.dueAt)
      timer.callback()
      await settle()
    }
    if (end > monotonic) {
      monotonic = end
      await settle()
    }
  }

  return {
    now() {
      uses++
      return startedAt + (monotonic - monotonicStart)
    },
    monotonic() {
      uses++
      return monotonic
    },
    random() {
      uses++
      return random()
    },
    setTimeout(callback, ms) {
      uses++
      // As in Node: at least 1 ms, so that a timer that sets itself again cannot stop time.
      const wait = Number.isNaN(ms) ? 1 : Math.max(1, ms)
      const timer: Timer = { dueAt: monotonic + wait, callback }
      const later = timers.findLastIndex((other) => other.dueAt <= timer.dueAt) + 1
      timers.splice(later, 0, timer)
      return timer
    },
    clearTimeout(handle: TimerHandle) {
      uses++
      const place = timers.indexOf(handle as Timer)
      if (place !== -1) timers.splice(place, 1)
    },
    async advance(duration) {
      const ms = parseDuration(duration, 'advance(duration)')
      if (ms === Number.POSITIVE_INFINITY) {
        throw new InvalidOptionError('advance(duration) must be finite; it was Infinity')
      }
      // Two moves at once would fire timers twice over: the second waits for the first.
      const turn = moving.then(() => move(ms))
      moving = turn.catch(() => {})
      return turn
    },
    get pendingTimers() {
      return timers.length
    },
  }
}

function finite(option: string, value: unknown): number {
  if (typeof value === 'number' && Number.isFinite(value)) return value
  const came = typeof value === 'number' ? String(value) : `a value of type ${typeof value}`
  throw new InvalidOptionError(`fakeClock: ${option} must be a finite number; it was ${came}`)
}
