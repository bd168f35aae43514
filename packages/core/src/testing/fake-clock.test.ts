import { describe, expect, it, vi } from 'vitest'
import { InvalidOptionError } from '../errors.ts'
import { fakeClock } from './fake-clock.ts'

describe('time', () => {
  it('stands still until it is advanced, and then both readings move by the same span', async () => {
    const clock = fakeClock({ now: 5_000 })
    const before = clock.monotonic()
    await new Promise((resolve) => setImmediate(resolve))
    expect(clock.now()).toBe(5_000)
    expect(clock.monotonic()).toBe(before)
    await clock.advance('2s')
    expect(clock.now()).toBe(7_000)
    expect(clock.monotonic()).toBe(before + 2_000)
  })

  it('starts at the same instant in every run when none is given', () => {
    expect(fakeClock().now()).toBe(Date.UTC(2026, 0, 1))
  })

  it('moves one span after the other when two are asked for at once', async () => {
    const clock = fakeClock({ now: 0 })
    const seen: number[] = []
    clock.setTimeout(() => seen.push(clock.now()), 10)
    clock.setTimeout(() => seen.push(clock.now()), 30)
    await Promise.all([clock.advance(20), clock.advance(20)])
    expect(seen).toEqual([10, 30])
    expect(clock.now()).toBe(40)
  })

  it('refuses a duration that is endless or no duration, and a start that is no number', async () => {
    await expect(fakeClock().advance(Number.POSITIVE_INFINITY)).rejects.toThrow(InvalidOptionError)
    await expect(fakeClock().advance(-1)).rejects.toThrow(InvalidOptionError)
    await expect(fakeClock().advance('5 minutes' as '5m')).rejects.toThrow(InvalidOptionError)
    expect(() => fakeClock({ now: Number.NaN })).toThrow(/now must be a finite number/)
    expect(() => fakeClock({ seed: '7' as unknown as number })).toThrow(/seed must be a finite/)
    expect(() => fakeClock({ sede: 7 } as never)).toThrow(/did you mean 'seed'/)
  })
})

describe('timers', () => {
  it('fire in the order they fall due, each at its own instant, equal ones in the order they were set', async () => {
    const clock = fakeClock({ now: 0 })
    const fired: string[] = []
    const at = (name: string, ms: number) =>
      clock.setTimeout(() => fired.push(`${name}@${clock.now()}`), ms)
    at('c', 30)
    at('a', 10)
    at('b1', 20)
    at('b2', 20)
    at('later', 41)
    await clock.advance(40)
    expect(fired).toEqual(['a@10', 'b1@20', 'b2@20', 'c@30'])
    expect(clock.pendingTimers).toBe(1)
  })

  it('set by a timer fire within the same advance when they fall due in it', async () => {
    const clock = fakeClock({ now: 0 })
    const beats: number[] = []
    const beat = () => {
      beats.push(clock.now())
      clock.setTimeout(beat, 10)
    }
    clock.setTimeout(beat, 10)
    await clock.advance(35)
    expect(beats).toEqual([10, 20, 30])
    expect(clock.pendingTimers).toBe(1)
  })

  it('that were cleared never fire and are not counted, also when cleared by a timer of the same instant', async () => {
    const clock = fakeClock()
    const fired = vi.fn()
    const second: unknown[] = []
    clock.setTimeout(() => clock.clearTimeout(second[0]), 10)
    second.push(clock.setTimeout(fired, 10))
    const third = clock.setTimeout(fired, 5)
    expect(clock.pendingTimers).toBe(3)
    clock.clearTimeout(third)
    clock.clearTimeout(third)
    clock.clearTimeout(undefined)
    await clock.advance(100)
    expect(fired).not.toHaveBeenCalled()
    expect(clock.pendingTimers).toBe(0)
  })

  it('of 0 ms, of less and of NaN wait for 1 ms, so a timer that sets itself again cannot stop time', async () => {
    const clock = fakeClock({ now: 0 })
    let turns = 0
    const again = () => {
      turns++
      clock.setTimeout(again, 0)
    }
    clock.setTimeout(again, Number.NaN)
    await clock.advance(50)
    expect(turns).toBe(50)
  })

  it('of an endless delay wait for ever', async () => {
    const clock = fakeClock()
    const fired = vi.fn()
    clock.setTimeout(fired, Number.POSITIVE_INFINITY)
    await clock.advance('365d')
    expect(fired).not.toHaveBeenCalled()
    expect(clock.pendingTimers).toBe(1)
  })

  it('that throw reject the advance at their instant and leave the others waiting', async () => {
    const clock = fakeClock({ now: 0 })
    const fired = vi.fn()
    clock.setTimeout(() => {
      throw new Error('broken timer')
    }, 10)
    clock.setTimeout(fired, 20)
    await expect(clock.advance(50)).rejects.toThrow('broken timer')
    expect(clock.now()).toBe(10)
    await clock.advance(10)
    expect(fired).toHaveBeenCalledTimes(1)
  })
})

describe('promise chains', () => {
  it('of a thousand awaits settle before the next timer fires and before advance resolves', async () => {
    const clock = fakeClock()
    const order: string[] = []
    const chain = async (name: string) => {
      for (let step = 0; step < 1_000; step++) await null
      order.push(`${name} settled`)
    }
    void chain('before')
    clock.setTimeout(() => {
      order.push('first fires')
      void chain('first')
    }, 10)
    clock.setTimeout(() => {
      order.push('second fires')
      void chain('second')
    }, 11)
    await clock.advance(20)
    expect(order).toEqual([
      'before settled',
      'first fires',
      'first settled',
      'second fires',
      'second settled',
    ])
  })

  it('that wait on timers again and again are carried through one advance', async () => {
    const clock = fakeClock({ now: 0 })
    const sleep = (ms: number) => new Promise<void>((resolve) => clock.setTimeout(resolve, ms))
    const work = (async () => {
      for (let step = 0; step < 20; step++) {
        await sleep(5)
        await Promise.all([null, sleep(1)])
      }
      return clock.now()
    })()
    await clock.advance(120)
    expect(await work).toBe(120)
  })

  it('that use the clock behind setImmediate turns are waited for', async () => {
    const clock = fakeClock()
    let turns = 0
    void (async () => {
      while (turns < 20) {
        clock.now()
        await new Promise((resolve) => setImmediate(resolve))
        turns++
      }
    })()
    await clock.advance(0)
    expect(turns).toBe(20)
  })

  it('settle although the runner has replaced setImmediate', async () => {
    vi.useFakeTimers()
    try {
      const clock = fakeClock()
      const fired = vi.fn()
      clock.setTimeout(fired, 1)
      await clock.advance(1)
      expect(fired).toHaveBeenCalledTimes(1)
    } finally {
      vi.useRealTimers()
    }
  })
})

describe('chance', () => {
  const draw = (seed: number | undefined, count: number) => {
    const clock = fakeClock(seed === undefined ? {} : { seed })
    return Array.from({ length: count }, () => clock.random())
  }

  it('repeats itself for the same seed and differs for the next one', () => {
    expect(draw(7, 50)).toEqual(draw(7, 50))
    expect(draw(undefined, 5)).toEqual(draw(1, 5))
    expect(draw(7, 5)).not.toEqual(draw(8, 5))
  })

  it('lies from 0 to 1 and is even, also over the first draws of many seeds', () => {
    const samples = [
      draw(42, 20_000),
      Array.from({ length: 20_000 }, (_, seed) => draw(seed, 1)[0]!),
    ]
    for (const sample of samples) {
      expect(Math.min(...sample)).toBeGreaterThanOrEqual(0)
      expect(Math.max(...sample)).toBeLessThan(1)
      const tenths = new Array<number>(10).fill(0)
      for (const number of sample) tenths[Math.floor(number * 10)]!++
      // 2,000 expected in each, standard deviation 42: five of them either way.
      for (const count of tenths) expect(Math.abs(count - 2_000)).toBeLessThan(212)
    }
  })
})
