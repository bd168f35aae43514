import { describe, expect, it } from 'vitest'
import type { Clock } from '../clock.ts'
import { fakeClock } from '../testing/fake-clock.ts'
import { Deadlines, Expiring } from './deadlines.ts'

const turn = () => new Promise<void>((resolve) => setImmediate(resolve))

class Noted extends Expiring {
  readonly #note: () => void
  constructor(note: () => void) {
    super()
    this.#note = note
  }
  expire(): void {
    this.#note()
  }
}

/** A clock whose every timer fires late, as in a process whose event loop is blocked all the time. */
function laggingClock(lagMs: number) {
  let now = 0
  const timers: { dueAt: number; callback: () => void }[] = []
  const clock: Clock = {
    now: () => now,
    monotonic: () => now,
    random: () => 0.5,
    setTimeout: (callback, ms) => {
      const timer = { dueAt: now + ms, callback }
      timers.push(timer)
      return timer
    },
    clearTimeout: (timer) => {
      timers.splice(timers.indexOf(timer as (typeof timers)[number]), 1)
    },
  }
  const fireNext = () => {
    timers.sort((a, b) => a.dueAt - b.dueAt)
    const timer = timers.shift()
    if (timer === undefined) return false
    now = Math.max(now, timer.dueAt) + lagMs
    timer.callback()
    return true
  }
  return { clock, fireNext }
}

describe('Deadlines', () => {
  it('gives the event loop one more turn where a timer came late, and only one', async () => {
    const { clock, fireNext } = laggingClock(200)
    const deadlines = new Deadlines(clock)
    let expired = 0
    deadlines.add(new Noted(() => expired++), 1_000, clock.monotonic())
    fireNext()
    // However many timers fire in this turn of the event loop: nothing has been read meanwhile.
    expect(fireNext()).toBe(false)
    await Promise.resolve()
    expect(expired).toBe(0)
    await turn()
    expect(expired).toBe(1)
    expect(deadlines.lanes).toBe(0)
  })

  it('sees a blocked event loop also where the timer came but some milliseconds late', async () => {
    const { clock, fireNext } = laggingClock(20)
    const deadlines = new Deadlines(clock)
    let expired = 0
    const answered = new Noted(() => expired++)
    deadlines.add(answered, 100, clock.monotonic())
    fireNext()
    deadlines.remove(answered)
    await turn()
    expect(expired).toBe(0)
    expect(deadlines.lanes).toBe(0)
  })

  it('expires nothing any more once it is closed, also where that turn was still to come', async () => {
    const { clock, fireNext } = laggingClock(200)
    const deadlines = new Deadlines(clock)
    let expired = 0
    deadlines.add(new Noted(() => expired++), 1_000, clock.monotonic())
    fireNext()
    deadlines.close()
    await turn()
    expect(expired).toBe(0)
    expect(fireNext()).toBe(false)
  })

  it('expires each at its own instant and in order, with one timer for all of one length', async () => {
    const clock = fakeClock()
    const deadlines = new Deadlines(clock)
    const expired: string[] = []
    deadlines.add(new Noted(() => expired.push('a')), 100, clock.monotonic())
    await clock.advance(40)
    deadlines.add(new Noted(() => expired.push('b')), 100, clock.monotonic())
    deadlines.add(new Noted(() => expired.push('c')), 100, clock.monotonic())
    expect(clock.pendingTimers).toBe(1)
    await clock.advance(60)
    expect(expired).toEqual(['a'])
    await clock.advance(40)
    expect(expired).toEqual(['a', 'b', 'c'])
    expect(clock.pendingTimers).toBe(0)
    expect(deadlines.lanes).toBe(0)
  })

  it('reads no clock and sets no timer for what ends in the turn of the event loop it began in', async () => {
    let uses = 0
    const counted = () => uses++
    const clock: Clock = {
      now: counted,
      monotonic: counted,
      random: counted,
      setTimeout: counted,
      clearTimeout: counted,
    }
    const deadlines = new Deadlines(clock)
    const noted = new Noted(() => {})
    deadlines.addWhenTurnEnds(noted, 100)
    deadlines.remove(noted)
    await new Promise((resolve) => setImmediate(resolve))
    expect(uses).toBe(0)
    expect(deadlines.lanes).toBe(0)
  })

  it('counts the span of what outlives its turn from the end of that turn', async () => {
    const clock = fakeClock()
    const deadlines = new Deadlines(clock)
    const expired: string[] = []
    for (const name of ['a', 'b'])
      deadlines.addWhenTurnEnds(new Noted(() => expired.push(name)), 100)
    expect(clock.pendingTimers).toBe(0)
    await clock.advance(99)
    expect(clock.pendingTimers).toBe(1)
    expect(expired).toEqual([])
    await clock.advance(1)
    expect(expired).toEqual(['a', 'b'])
  })

  it('sets no timer any more once it is closed, also for what came in the same turn', async () => {
    const clock = fakeClock()
    const deadlines = new Deadlines(clock)
    const noted = [new Noted(() => {}), new Noted(() => {})]
    for (const each of noted) deadlines.addWhenTurnEnds(each, 100)
    deadlines.close()
    deadlines.remove(noted[0] as Noted)
    await clock.advance(200)
    expect(clock.pendingTimers).toBe(0)
    expect(deadlines.lanes).toBe(0)
  })

  it('never expires what was removed, and forgets the lane', async () => {
    const clock = fakeClock()
    const deadlines = new Deadlines(clock)
    const expired: string[] = []
    const noted = ['a', 'b', 'c'].map((name) => new Noted(() => expired.push(name)))
    for (const each of noted) deadlines.add(each, 100, clock.monotonic())
    deadlines.remove(noted[1] as Expiring)
    await clock.advance(100)
    expect(expired).toEqual(['a', 'c'])
    const last = new Noted(() => expired.push('d'))
    deadlines.add(last, 100, clock.monotonic())
    deadlines.remove(last)
    deadlines.remove(last)
    await clock.advance(100)
    expect(expired).toEqual(['a', 'c'])
    expect(deadlines.lanes).toBe(0)
  })

  it('sets no timer for what never expires', () => {
    const clock = fakeClock()
    const deadlines = new Deadlines(clock)
    deadlines.add(new Noted(() => {}), Number.POSITIVE_INFINITY, clock.monotonic())
    expect(clock.pendingTimers).toBe(0)
  })

  it('lets what expires add to its own lane', async () => {
    const clock = fakeClock()
    const deadlines = new Deadlines(clock)
    let rounds = 0
    const again = () => {
      rounds++
      if (rounds < 3) deadlines.add(new Noted(again), 10, clock.monotonic())
    }
    deadlines.add(new Noted(again), 10, clock.monotonic())
    await clock.advance(100)
    expect(rounds).toBe(3)
    expect(clock.pendingTimers).toBe(0)
    expect(deadlines.lanes).toBe(0)
  })

  it('leaves no timer after close', () => {
    const clock = fakeClock()
    const deadlines = new Deadlines(clock)
    for (const ms of [10, 20, 30]) deadlines.add(new Noted(() => {}), ms, clock.monotonic())
    deadlines.close()
    expect(clock.pendingTimers).toBe(0)
  })
})
