import { fakeClock } from '@holdfast/core/testing'
import { describe, expect, it } from 'vitest'
import { ImageError } from '../image-error.ts'
import { startDeadline } from '../network/deadline.ts'
import { OriginBreaker, type Verdict } from './origin-breaker.ts'
import { OriginGate } from './origin-gate.ts'
import { OriginStates } from './origin-states.ts'
import { withRetries } from './retries.ts'
import { RetryBudget } from './retry-budget.ts'

const never = new AbortController().signal
const failed = (details = {}) => new ImageError('status', 'x', { upstreamStatus: 503, ...details })

describe('the gate of an origin', () => {
  /** Work that ends when it is told to. */
  function works() {
    const running: (() => void)[] = []
    const work = () => new Promise<void>((resolve) => running.push(resolve))
    return { running, work }
  }
  const turn = () => new Promise((resolve) => setImmediate(resolve))

  it('lets so many in at a time, and the others in the order they came', async () => {
    const gate = new OriginGate()
    const order: number[] = []
    let most = 0
    let inside = 0
    await Promise.all(
      Array.from({ length: 20 }, (_, place) =>
        gate.enter(3, never, async () => {
          order.push(place)
          most = Math.max(most, ++inside)
          await turn()
          inside--
        }),
      ),
    )
    expect(most).toBe(3)
    expect(order).toEqual(Array.from({ length: 20 }, (_, place) => place))
    expect(gate.isIdle).toBe(true)
  })

  it('refuses at once when 16 wait for each place', async () => {
    const gate = new OriginGate()
    const { running, work } = works()
    const entered = Array.from({ length: 34 }, () => gate.enter(2, never, work))
    await expect(gate.enter(2, never, work)).rejects.toMatchObject({ code: 'busy', status: 503 })
    for (let place = 0; place < 34; place++) {
      running[place]!()
      await turn()
    }
    await Promise.all(entered)
    expect(running).toHaveLength(34)
    expect(gate.isIdle).toBe(true)
  })

  it('who leaves while waiting takes no place', async () => {
    const gate = new OriginGate()
    const { running, work } = works()
    const first = gate.enter(1, never, work)
    const leaving = new AbortController()
    const second = gate.enter(1, leaving.signal, work)
    const third = gate.enter(1, never, work)
    leaving.abort(new Error('left'))
    await expect(second).rejects.toThrow('left')
    running[0]!()
    await first
    await turn()
    expect(running).toHaveLength(2)
    running[1]!()
    await third
    expect(gate.isIdle).toBe(true)
  })

  it('a place is free again after work that failed', async () => {
    const gate = new OriginGate()
    await expect(gate.enter(1, never, async () => Promise.reject(failed()))).rejects.toThrow()
    expect(gate.isIdle).toBe(true)
  })
})

describe('the breaker of an origin', () => {
  function trial() {
    const clock = fakeClock()
    const breaker = new OriginBreaker(clock)
    let asked = 0
    const ask = async (verdict: Verdict) => {
      try {
        await breaker.guard(
          async () => {
            asked++
            if (verdict !== 'answered') throw failed()
          },
          () => verdict,
        )
        return 'answered'
      } catch (error) {
        return (error as ImageError).code
      }
    }
    const times = async (count: number, verdict: Verdict) => {
      for (let time = 0; time < count; time++) await ask(verdict)
    }
    return { clock, breaker, ask, times, asked: () => asked }
  }

  it('opens at half of twenty, and not before', async () => {
    const { ask, times } = trial()
    await times(10, 'answered')
    await times(9, 'failed')
    expect(await ask('answered')).toBe('answered')
    expect(await ask('failed')).toBe('status')
    // 10 of 21 have failed.
    expect(await ask('answered')).toBe('answered')
    await times(2, 'failed')
    expect(await ask('answered')).toBe('unavailable')
  })

  it('open, it asks nobody for 5 s and says how long that is', async () => {
    const { clock, breaker, times, asked } = trial()
    await times(20, 'failed')
    await clock.advance('4s')
    const refused = breaker.guard(
      async () => {},
      () => 'failed',
    )
    await expect(refused).rejects.toMatchObject({
      code: 'unavailable',
      retryAfterMs: 1_000,
      retryable: true,
    })
    expect(asked()).toBe(20)
  })

  it('lets one through after 5 s; its answer closes it, its failure opens it again', async () => {
    const { clock, ask, times, asked } = trial()
    await times(20, 'failed')
    await clock.advance('5s')
    expect(await Promise.all([ask('failed'), ask('answered')])).toEqual(['status', 'unavailable'])
    await clock.advance('4.9s')
    expect(await ask('answered')).toBe('unavailable')
    await clock.advance('100ms')
    expect(await ask('answered')).toBe('answered')
    expect(await ask('failed')).toBe('status')
    expect(await ask('answered')).toBe('answered')
    expect(asked()).toBe(24)
  })

  it('one that was given up says nothing: the next is the next probe', async () => {
    const { clock, ask, times } = trial()
    await times(19, 'failed')
    await times(50, 'unknown')
    expect(await ask('failed')).toBe('status')
    expect(await ask('answered')).toBe('unavailable')
    await clock.advance('5s')
    expect(await ask('unknown')).toBe('status')
    expect(await ask('answered')).toBe('answered')
    expect(await ask('answered')).toBe('answered')
  })

  it('forgets what is older than 10 s', async () => {
    const { clock, breaker, ask, times } = trial()
    await times(19, 'failed')
    await clock.advance('11s')
    expect(breaker.isIdle).toBe(true)
    expect(await ask('failed')).toBe('status')
    expect(await ask('answered')).toBe('answered')
  })
})

describe('retries', () => {
  function trial(limitMs = 60_000) {
    const clock = fakeClock()
    const deadline = startDeadline(limitMs, clock, undefined)
    const budget = new RetryBudget()
    let attempts = 0
    const run = async (...outcomes: readonly (Error | 'fine')[]) => {
      attempts = 0
      const attempt = async () => {
        const outcome = outcomes[Math.min(attempts++, outcomes.length - 1)]
        if (outcome instanceof Error) throw outcome
        return outcome
      }
      const running = withRetries(attempt, budget, deadline, clock).then(
        ({ retries }) => `fine after ${retries}`,
        (error: ImageError) => error.code,
      )
      await clock.advance('5s')
      return running
    }
    return { clock, deadline, budget, run, attempts: () => attempts }
  }

  it('are two at most', async () => {
    const { run, attempts } = trial()
    expect(await run(failed())).toBe('status')
    expect(attempts()).toBe(3)
  })

  it('end with the first answer', async () => {
    const { run } = trial()
    expect(await run(failed(), 'fine')).toBe('fine after 1')
  })

  it.each([408, 429, 500, 502, 503, 504])('follow a %i', async (upstreamStatus) => {
    expect(await trial().run(new ImageError('status', 'x', { upstreamStatus }), 'fine')).toBe(
      'fine after 1',
    )
  })

  it.each([
    new ImageError('status', 'x', { upstreamStatus: 404 }),
    new ImageError('status', 'x', { upstreamStatus: 501 }),
    new ImageError('address', 'x'),
    new ImageError('size', 'x'),
    new ImageError('timeout', 'x'),
    new ImageError('unavailable', 'x'),
    new ImageError('busy', 'x'),
    new ImageError('network', 'a certificate', { retryable: false }),
    new Error('the caller left'),
  ])('do not follow %s', async (error) => {
    const { run, attempts } = trial()
    await run(error, 'fine')
    expect(attempts()).toBe(1)
  })

  it.each(['network', 'truncated'] as const)('follow %s', async (code) => {
    expect(await trial().run(new ImageError(code, 'x'), 'fine')).toBe('fine after 1')
  })

  it('wait for as long as the origin asks, if that is 2 s at most', async () => {
    const { clock, deadline, budget } = trial()
    const startedAt = clock.monotonic()
    const at: number[] = []
    const running = withRetries(
      async () => {
        at.push(clock.monotonic() - startedAt)
        if (at.length === 1) throw failed({ retryAfterMs: 2_000 })
      },
      budget,
      deadline,
      clock,
    )
    await clock.advance('2s')
    await running
    expect(at).toEqual([0, 2_000])
    const { run, attempts } = trial()
    expect(await run(failed({ retryAfterMs: 2_001 }), 'fine')).toBe('status')
    expect(attempts()).toBe(1)
  })

  it('otherwise wait by chance, up to 100 ms and then 200 ms', async () => {
    const pauses: [number, number][] = []
    for (let round = 0; round < 50; round++) {
      const { clock, deadline, budget } = trial()
      for (let draw = 0; draw < round; draw++) clock.random()
      const at: number[] = []
      const running = withRetries(
        async () => {
          at.push(clock.monotonic())
          throw failed()
        },
        budget,
        deadline,
        clock,
      ).catch(() => {})
      await clock.advance('1s')
      await running
      pauses.push([at[1]! - at[0]!, at[2]! - at[1]!])
    }
    expect(Math.max(...pauses.map(([first]) => first))).toBeLessThanOrEqual(100)
    expect(Math.max(...pauses.map(([, second]) => second))).toBeLessThanOrEqual(200)
    expect(Math.max(...pauses.map(([, second]) => second))).toBeGreaterThan(110)
    expect(Math.min(...pauses.map(([first]) => first))).toBeLessThan(20)
  })

  it('never outlive the deadline', async () => {
    const { run, attempts } = trial(50)
    expect(await run(failed({ retryAfterMs: 51 }), 'fine')).toBe('status')
    expect(attempts()).toBe(1)
  })

  it('end when the caller leaves while they wait', async () => {
    const clock = fakeClock()
    const caller = new AbortController()
    const deadline = startDeadline(10_000, clock, caller.signal)
    const running = withRetries(
      async () => Promise.reject(failed({ retryAfterMs: 1_000 })),
      new RetryBudget(),
      deadline,
      clock,
    )
    await clock.advance('10ms')
    caller.abort(new Error('left'))
    await expect(running).rejects.toThrow('left')
    deadline.clear()
    expect(clock.pendingTimers).toBe(0)
  })

  it('are two for a start and then a tenth of the downloads, whatever fails', () => {
    const budget = new RetryBudget()
    let retries = 0
    for (let download = 0; download < 10_000; download++) {
      budget.earn()
      while (budget.spend()) retries++
    }
    expect(retries).toBe(1_002)
  })

  it('are not saved up for a storm: ten at most', () => {
    const budget = new RetryBudget()
    for (let download = 0; download < 10_000; download++) budget.earn()
    let retries = 0
    while (budget.spend()) retries++
    expect(retries).toBe(10)
  })
})

describe('what is known of origins', () => {
  it('is kept of the last thousand, and of those that are being asked', async () => {
    const states = new OriginStates(fakeClock())
    let leave = () => {}
    const busy = states.of('https://busy.example')
    const working = busy.gate.enter(
      1,
      never,
      () => new Promise<void>((resolve) => (leave = resolve)),
    )
    const first = states.of('https://first.example')
    for (let origin = 0; origin < 5_000; origin++) states.of(`https://${origin}.example`)
    expect(states.size).toBe(1_000)
    expect(states.of('https://busy.example')).toBe(busy)
    expect(states.of('https://first.example')).not.toBe(first)
    leave()
    await working
  })
})
