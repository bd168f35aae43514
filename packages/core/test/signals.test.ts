import { describe, expect, it } from 'vitest'
import { createCache } from '../src/cache.ts'
import { fakeClock } from '../src/testing/fake-clock.ts'
import { held, stateOf, turn } from './held.ts'

function setup() {
  const clock = fakeClock()
  const cache = createCache({ clock, defaults: { jitter: 0, earlyRefresh: false } })
  const { load, runs } = held<string>()
  const signals: AbortSignal[] = []
  const loader = ({ signal }: { signal: AbortSignal }) => {
    signals.push(signal)
    return load()
  }
  return { clock, cache, loader, runs, signals }
}

describe('a caller’s signal', () => {
  it('detaches that caller alone, at once, with the signal’s own reason', async () => {
    const { cache, loader, runs, signals } = setup()
    const leaving = new AbortController()
    const left = cache.wrap('k', loader, { signal: leaving.signal })
    const stays = cache.wrap('k', loader, { signal: new AbortController().signal })
    const reason = new Error('left')
    leaving.abort(reason)
    await expect(left).rejects.toBe(reason)
    expect(signals[0]?.aborted).toBe(false)
    runs[0]?.resolve('value')
    expect(await stays).toBe('value')
    expect(cache.peek('k')).toBe('value')
  })

  it('does not end a load for which somebody waits who cannot leave', async () => {
    const { cache, loader, runs, signals } = setup()
    const leaving = new AbortController()
    const stays = cache.wrap('k', loader)
    const left = cache.wrap('k', loader, { signal: leaving.signal })
    leaving.abort()
    await expect(left).rejects.toBe(leaving.signal.reason)
    expect(signals[0]?.aborted).toBe(false)
    runs[0]?.resolve('value')
    expect(await stays).toBe('value')
  })

  it('ends the load once every caller has left: its signal aborts, its key is free, its result is dropped', async () => {
    const { clock, cache, loader, runs, signals } = setup()
    const leaving = [new AbortController(), new AbortController()]
    const left = leaving.map(({ signal }) => cache.wrap('k', loader, { signal }))
    const outcomes = Promise.allSettled(left)
    const events: string[] = []
    cache.on('load', ({ outcome }) => events.push(outcome))
    leaving[0]?.abort(new Error('first'))
    expect(signals[0]?.aborted).toBe(false)
    leaving[1]?.abort(new Error('second'))
    expect(signals[0]?.aborted).toBe(true)
    expect((await outcomes).map((o) => o.status === 'rejected' && o.reason.message)).toEqual([
      'first',
      'second',
    ])
    expect(cache.stats().loading).toBe(0)
    const next = cache.wrap('k', loader)
    expect(runs).toHaveLength(2)
    runs[0]?.resolve('dropped')
    await turn()
    expect(await stateOf(next)).toBe('pending')
    runs[1]?.resolve('value')
    expect(await next).toBe('value')
    expect(events).toEqual(['aborted', 'ok'])
    await clock.advance('1m')
    expect(clock.pendingTimers).toBe(0)
  })

  it('aborted beforehand rejects without a load', async () => {
    const { cache, loader, runs } = setup()
    const signal = AbortSignal.abort(new Error('before'))
    await expect(cache.wrap('k', loader, { signal })).rejects.toThrow('before')
    await expect(cache.wrapMany(['k'], () => ['v'], { signal })).rejects.toThrow('before')
    expect(runs).toHaveLength(0)
    expect(cache.stats().loads).toBe(0)
    await cache.set('k', 'kept')
    // On a near hit the options of a call are not read.
    expect(await cache.wrap('k', loader, { signal })).toBe('kept')
  })

  it('does not touch a load behind the caller, which ends at loadTimeout', async () => {
    const { clock, cache, loader, runs, signals } = setup()
    cache.on('error', () => {})
    await cache.set('k', 'old', { ttl: 100, staleWhileRevalidate: '1h', jitter: 0 })
    await clock.advance(100)
    const leaving = new AbortController()
    expect(await cache.wrap('k', loader, { signal: leaving.signal })).toBe('old')
    leaving.abort()
    expect(signals[0]?.aborted).toBe(false)
    await clock.advance('10s')
    expect(signals[0]?.aborted).toBe(true)
    expect(runs).toHaveLength(1)
  })

  it('of somebody who joined a load behind the caller leaves it going', async () => {
    const { clock, cache, loader, runs, signals } = setup()
    const options = { staleWhileRevalidate: 50, ttl: 100, jitter: 0 } as const
    await cache.set('k', 'old', options)
    await clock.advance(100)
    await cache.wrap('k', loader, options)
    await clock.advance(50)
    const leaving = new AbortController()
    const joined = cache.wrap('k', loader, { ...options, signal: leaving.signal })
    leaving.abort()
    await expect(joined).rejects.toBe(leaving.signal.reason)
    expect(signals[0]?.aborted).toBe(false)
    runs[0]?.resolve('new')
    await turn()
    expect(cache.peek('k')).toBe('new')
  })

  it('gives no stale value to a caller that left: it wants no answer at all', async () => {
    const { clock, cache, loader } = setup()
    await cache.set('k', 'old', { ttl: 100, staleIfError: '1h', jitter: 0 })
    await clock.advance(100)
    const leaving = new AbortController()
    const left = cache.wrap('k', loader, { signal: leaving.signal })
    leaving.abort(new Error('left'))
    await expect(left).rejects.toThrow('left')
  })

  it('leaves a batch for all of its keys, and others that joined some of them keep it going', async () => {
    const { cache } = setup()
    const batch = held<Map<string, number>>()
    const signals: AbortSignal[] = []
    const leaving = new AbortController()
    const load = (_missing: string[], { signal }: { signal: AbortSignal }) => {
      signals.push(signal)
      return batch.load()
    }
    const left = cache.wrapMany(['a', 'b'], load, { signal: leaving.signal })
    const joined = cache.wrap('b', () => -1)
    leaving.abort(new Error('left'))
    await expect(left).rejects.toThrow('left')
    expect(signals[0]?.aborted).toBe(false)
    batch.runs[0]?.resolve(
      new Map([
        ['a', 1],
        ['b', 2],
      ]),
    )
    expect(await joined).toBe(2)
    const alone = new AbortController()
    const last = cache.wrapMany(['c', 'd'], load, { signal: alone.signal })
    alone.abort(new Error('alone'))
    await expect(last).rejects.toThrow('alone')
    expect(signals[1]?.aborted).toBe(true)
    expect(cache.stats().loading).toBe(0)
  })

  it('leaves no listener behind on a signal that lives long', async () => {
    const { cache } = setup()
    const { signal } = new AbortController()
    let listening = 0
    const add = signal.addEventListener.bind(signal)
    const remove = signal.removeEventListener.bind(signal)
    signal.addEventListener = ((...args: Parameters<typeof add>) => {
      listening++
      add(...args)
    }) as typeof signal.addEventListener
    signal.removeEventListener = ((...args: Parameters<typeof remove>) => {
      listening--
      remove(...args)
    }) as typeof signal.removeEventListener
    for (let key = 0; key < 20; key++) await cache.wrap(`k${key}`, async () => key, { signal })
    await expect(
      cache.wrap('bad', () => Promise.reject(new Error('x')), { signal }),
    ).rejects.toThrow()
    await turn()
    expect(listening).toBe(0)
  })

  it('aborts the loader’s own signal only if one is asked for, also where it is asked for late', async () => {
    const { clock, cache } = setup()
    const { load } = held<string>()
    let context: { signal: AbortSignal } | undefined
    const timedOut = cache.wrap(
      'k',
      (given) => {
        context = given
        return load()
      },
      { loadTimeout: 10 },
    )
    const outcome = expect(timedOut).rejects.toThrow(/loadTimeout/)
    await clock.advance(10)
    await outcome
    expect(context?.signal.aborted).toBe(true)
    expect(context?.signal.reason.message).toMatch(/loadTimeout/)
  })
})
