import { describe, expect, test } from 'vitest'
import { fakeClock } from '../testing/fake-clock.ts'
import { DeadlineTimer } from './deadline-timer.ts'

describe('a deadline timer', () => {
  test('tells what is due when it is due, and goes on with what comes next', async () => {
    const clock = fakeClock()
    const startedAt = clock.monotonic()
    const due: number[] = []
    const waits = [100, 150, 400].map((ms) => startedAt + ms)
    const timer = new DeadlineTimer(clock, (now) => {
      while (waits[0] !== undefined && waits[0] <= now) due.push(waits.shift()! - startedAt)
      return waits[0]
    })
    timer.watch(waits[0]!, startedAt)
    await clock.advance(99)
    expect(due).toEqual([])
    await clock.advance(1)
    expect(due).toEqual([100])
    await clock.advance(60)
    expect(due).toEqual([100, 150])
    await clock.advance(1_000)
    expect(due).toEqual([100, 150, 400])
  })

  test('says nothing after it was stopped', async () => {
    const clock = fakeClock()
    let fired = 0
    const timer = new DeadlineTimer(clock, () => {
      fired++
      return undefined
    })
    timer.watch(clock.monotonic() + 100, clock.monotonic())
    timer.stop()
    await clock.advance(1_000)
    expect(fired).toBe(0)
  })

  test('gives replies that wait in the socket 50 ms after a blocked loop, twice and no more', () => {
    const armed: { at: number; fire: () => void }[] = []
    let now = 0
    const clock = {
      now: () => now,
      monotonic: () => now,
      random: () => 0,
      setTimeout: (fire: () => void, ms: number) => armed.push({ at: now + ms, fire }),
      clearTimeout: () => {},
    }
    const firedAt: number[] = []
    const timer = new DeadlineTimer(clock, (at) => {
      firedAt.push(at)
      return undefined
    })
    timer.watch(100, now)
    now = 1_000
    armed.pop()!.fire()
    expect(firedAt).toEqual([])
    expect(armed[0]?.at).toBe(1_050)
    now = 2_000
    armed.pop()!.fire()
    expect(firedAt).toEqual([])
    now = 3_000
    armed.pop()!.fire()
    expect(firedAt).toEqual([3_000])
  })
})
