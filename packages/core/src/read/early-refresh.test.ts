import { describe, expect, it } from 'vitest'
import { earlyRefreshAt } from './early-refresh.ts'

describe('earlyRefreshAt', () => {
  const at = (loadMs: number, beta: number, random: number) =>
    earlyRefreshAt(0, 10_000, loadMs, beta, random)

  it('follows XFetch: load time, times beta, times -ln(random), before the end', () => {
    expect(at(100, 1, 0.5)).toBe(Math.trunc(10_000 - 100 * Math.log(2)))
    expect(at(100, 2, 0.5)).toBe(Math.trunc(10_000 - 200 * Math.log(2)))
    expect(at(200, 1, 0.5)).toBe(Math.trunc(10_000 - 200 * Math.log(2)))
  })

  it('stays within the last tenth of the life, whatever is drawn', () => {
    expect(at(60_000, 10, 0.999_999)).toBe(9_000)
    expect(at(60_000, 10, 0)).toBe(10_000)
  })

  it('is the end itself with beta 0, without a load time, and where there is no end', () => {
    expect(at(100, 0, 0.9)).toBe(10_000)
    expect(at(0, 1, 0.9)).toBe(10_000)
    expect(earlyRefreshAt(0, Number.POSITIVE_INFINITY, 100, 1, 0.9)).toBe(Number.POSITIVE_INFINITY)
  })
})
