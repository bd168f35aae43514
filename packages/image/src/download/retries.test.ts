import { fakeClock } from '@holdfast/core/testing'
import { describe, expect, it } from 'vitest'
import { ImageError } from '../image-error.ts'
import { startDeadline } from '../network/deadline.ts'
import { withRetries } from './retries.ts'
import { RetryBudget } from './retry-budget.ts'

const failed = (details = {}) => new ImageError('status', 'x', { upstreamStatus: 503, ...details })

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
