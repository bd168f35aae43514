import { type Clock, keepAlive, type TimerHandle, whenTurnEnds } from '../clock.ts'

/** Something that may run out of time. Extended rather than wrapped: a load is its own place in the queue. */
export abstract class Expiring {
  /** Until it has entered a lane: its span. */
  dueAt = 0
  lane: Lane | undefined = undefined
  before: Expiring | undefined = undefined
  behind: Expiring | undefined = undefined
  /** Its time is up: `ms` after it came. */
  abstract expire(ms: number): void
}

interface Lane {
  readonly ms: number
  first: Expiring | undefined
  last: Expiring | undefined
  timer: TimerHandle
  armed: boolean
  timerDueAt: number
  /** The event loop had its extra turn: what is due expires now, however late the timer. */
  waited: boolean
}

/** A timer that fires this much too late tells of a blocked event loop, in which answers may wait to be read. */
const lateMs = 5

function emptyLane(ms: number): Lane {
  return {
    ms,
    first: undefined,
    last: undefined,
    timer: undefined,
    armed: false,
    timerDueAt: 0,
    waited: false,
  }
}

function append(lane: Lane, expiring: Expiring): void {
  expiring.lane = lane
  expiring.before = lane.last
  expiring.behind = undefined
  if (lane.last === undefined) lane.first = expiring
  else lane.last.behind = expiring
  lane.last = expiring
}

function unlink(lane: Lane, expiring: Expiring): void {
  if (expiring.before === undefined) lane.first = expiring.behind
  else expiring.before.behind = expiring.behind
  if (expiring.behind === undefined) lane.last = expiring.before
  else expiring.behind.before = expiring.before
  expiring.lane = undefined
  expiring.before = undefined
  expiring.behind = undefined
}

/**
 * One queue for all deadlines of a cache instead of a timer for each. Spans of one length share a lane, which is
 * in order by itself, and a lane has one timer, so a load that ends in time costs two pointer updates.
 *
 * When the event loop was blocked, answers may be waiting to be read while the timer is already due. Timers run
 * before sockets are read, so a late timer gives the loop one more turn before anything expires.
 */
export class Deadlines {
  readonly #clock: Clock
  readonly #lanes = new Map<number, Lane>()
  /** Those that came in this turn of the event loop. */
  #newcomers = emptyLane(0)
  #admits = false

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /**
   * For what may well end in the turn of the event loop that it begins in: until that is over no timer could fire
   * anyway, so it takes no reading of the clock and moves no timer. Its span counts from there.
   */
  addWhenTurnEnds(expiring: Expiring, ms: number): void {
    expiring.dueAt = ms
    append(this.#newcomers, expiring)
    if (this.#admits) return
    this.#admits = true
    whenTurnEnds(this.#admit)
  }

  readonly #admit = (): void => {
    this.#admits = false
    if (this.#newcomers.first === undefined) return
    const now = this.#clock.monotonic()
    for (let next = this.#newcomers.first; next !== undefined; next = this.#newcomers.first) {
      unlink(this.#newcomers, next)
      this.add(next, next.dueAt, now)
    }
  }

  /** `ms` may be `Infinity`: then it never expires, and no timer waits for it. */
  add(expiring: Expiring, ms: number, now: number): void {
    let lane = this.#lanes.get(ms)
    if (lane === undefined) {
      lane = emptyLane(ms)
      this.#lanes.set(ms, lane)
    }
    expiring.dueAt = now + ms
    const wasEmpty = lane.last === undefined
    append(lane, expiring)
    if (ms === Number.POSITIVE_INFINITY) return
    if (!lane.armed) this.#arm(lane, ms, now)
    else if (wasEmpty) keepAlive(lane.timer, true)
  }

  remove(expiring: Expiring): void {
    const lane = expiring.lane
    if (lane === undefined) return
    unlink(lane, expiring)
    // The timer stays for the next one, so that loads one after the other arm one timer, not one each; only it must
    // not keep a finished process alive.
    if (lane.first === undefined && lane.armed) keepAlive(lane.timer, false)
  }

  #arm(lane: Lane, ms: number, now: number): void {
    lane.armed = true
    lane.timerDueAt = now + ms
    lane.timer = this.#clock.setTimeout(() => this.#fire(lane), ms)
  }

  #fire(lane: Lane): void {
    lane.armed = false
    lane.timer = undefined
    if (lane.first === undefined) {
      this.#lanes.delete(lane.ms)
      return
    }
    const now = this.#clock.monotonic()
    if (now - lane.timerDueAt > lateMs && !lane.waited) {
      lane.waited = true
      lane.armed = true
      // Not by another timer: of many that are due, each may take so long that it would fire before anything is read.
      whenTurnEnds(() => {
        // Unless it was closed meanwhile.
        if (lane.armed) this.#fire(lane)
      })
      return
    }
    lane.waited = false
    for (
      let due: Expiring | undefined = lane.first;
      due !== undefined && due.dueAt <= now;
      due = lane.first
    ) {
      unlink(lane, due)
      due.expire(lane.ms)
    }
    // An expiry may have added to this lane and armed it already.
    const first = lane.first as Expiring | undefined
    if (first === undefined) {
      if (!lane.armed) this.#lanes.delete(lane.ms)
    } else if (!lane.armed) {
      // A timer may come a fraction of a millisecond early; the next one then finds it due.
      this.#arm(lane, Math.max(1, Math.ceil(first.dueAt - now)), now)
    }
  }

  /** Stops every timer. Nothing expires any more. */
  close(): void {
    for (const lane of this.#lanes.values()) {
      if (lane.armed) this.#clock.clearTimeout(lane.timer)
      lane.armed = false
    }
    this.#lanes.clear()
    this.#newcomers = emptyLane(0)
  }

  /** For tests of boundedness. */
  get lanes(): number {
    return this.#lanes.size
  }
}

/** A wait that may run out, for whoever is not in the queue itself. */
export class Patience extends Expiring {
  readonly #ended: () => void

  constructor(ended: () => void) {
    super()
    this.#ended = ended
  }

  expire(): void {
    this.#ended()
  }
}
