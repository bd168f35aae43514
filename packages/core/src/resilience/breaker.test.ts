import { describe, expect, it } from 'vitest'
import { fakeClock } from '../testing/fake-clock.ts'
import { Breaker, type BreakerSettings, type BreakerState } from './breaker.ts'

const settings: BreakerSettings = {
  failuresInARow: 3,
  failureShare: 0.5,
  minimumOperations: 10,
  windowMs: 1_000,
  openMs: 100,
  maxOpenMs: 400,
}

function setup(probes: boolean[] = []) {
  const clock = fakeClock()
  const states: BreakerState[] = []
  let probed = 0
  const breaker = new Breaker(
    settings,
    clock,
    async () => {
      if (!probes[probed++]) throw new Error('no answer')
    },
    (state) => states.push(state),
  )
  const fail = (times: number) => {
    for (let failure = 0; failure < times; failure++) breaker.failed()
  }
  return { clock, breaker, states, fail, probed: () => probed }
}

describe('Breaker', () => {
  it('opens at so many failures in a row, and a success between starts them anew', () => {
    const { breaker, fail, states } = setup()
    fail(2)
    breaker.succeeded()
    fail(2)
    expect(breaker.state).toBe('closed')
    fail(1)
    expect(breaker.state).toBe('open')
    fail(5)
    expect(states).toEqual(['open'])
  })

  it('opens at a share of failures, once there were enough operations to judge', () => {
    const { breaker } = setup()
    for (let operation = 0; operation < 4; operation++) {
      breaker.failed()
      breaker.succeeded()
    }
    expect(breaker.state).toBe('closed')
    breaker.succeeded()
    breaker.failed()
    expect(breaker.state).toBe('open')
  })

  it('forgets shares of a span that has passed', async () => {
    const { clock, breaker } = setup()
    for (let operation = 0; operation < 4; operation++) {
      breaker.failed()
      breaker.succeeded()
    }
    await clock.advance(1_001)
    breaker.succeeded()
    breaker.failed()
    expect(breaker.state).toBe('closed')
  })

  it('closes by a probe that succeeds, after a jittered wait that doubles with each that fails, up to its bound', async () => {
    const { clock, breaker, fail, states, probed } = setup([false, false, false, false, true])
    fail(3)
    const waits: number[] = []
    for (let probe = 1; probe <= 5; probe++) {
      const from = clock.monotonic()
      while (probed() < probe) await clock.advance(1)
      waits.push(clock.monotonic() - from)
    }
    const most = [100, 200, 400, 400, 400]
    waits.forEach((wait, index) => {
      expect(wait).toBeLessThanOrEqual((most[index] as number) + 1)
      expect(wait).toBeGreaterThanOrEqual((most[index] as number) / 2 - 1)
    })
    expect(breaker.state).toBe('closed')
    expect(states.slice(0, 4)).toEqual(['open', 'half-open', 'open', 'half-open'])
    expect(clock.pendingTimers).toBe(0)
    // What came before counts no more, and the first wait is short again.
    fail(2)
    expect(breaker.state).toBe('closed')
    fail(1)
    const from = clock.monotonic()
    while (probed() < 6) await clock.advance(1)
    expect(clock.monotonic() - from).toBeLessThanOrEqual(101)
    breaker.stop()
  })

  it('probes no more once it is stopped, and leaves no timer', async () => {
    const { clock, breaker, fail, probed, states } = setup([true])
    fail(3)
    breaker.stop()
    expect(clock.pendingTimers).toBe(0)
    await clock.advance(1_000)
    expect(probed()).toBe(0)
    breaker.open()
    expect(states).toEqual(['open'])
  })
})
