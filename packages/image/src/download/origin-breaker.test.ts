import { fakeClock } from '@holdfast/core/testing'
import { describe, expect, it } from 'vitest'
import { ImageError } from '../image-error.ts'
import { OriginBreaker, type Verdict } from './origin-breaker.ts'

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
            if (verdict !== 'answered') throw new ImageError('status', 'x', { upstreamStatus: 503 })
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
