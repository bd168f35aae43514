import { AsyncLocalStorage } from 'node:async_hooks'
import { describe, expect, it } from 'vitest'
import { ReentrantLoadError } from '../errors.ts'
import { currentLoad, leastPruneAt, runAs, type Waiting, waitFor } from './wait-graph.ts'

function load(): Waiting {
  return { settled: false, startedBy: undefined, waitsFor: undefined, pruneAt: leastPruneAt }
}

describe('waitFor', () => {
  it('refuses the edge that would close a circle, however long it is', () => {
    const loads = Array.from({ length: 100 }, load)
    for (let index = 1; index < loads.length; index++)
      waitFor(loads[index - 1] as Waiting, loads[index] as Waiting, 'key')
    expect(() => waitFor(loads[99] as Waiting, loads[0] as Waiting, 'key')).toThrow(
      ReentrantLoadError,
    )
    expect(loads[99]?.waitsFor).toBeUndefined()
  })

  it('refuses a load that waits for itself, and lets diamonds be', () => {
    const [top, left, right, bottom] = [load(), load(), load(), load()]
    waitFor(top, left, 'key')
    waitFor(top, right, 'key')
    waitFor(left, bottom, 'key')
    waitFor(right, bottom, 'key')
    expect(() => waitFor(bottom, bottom, 'key')).toThrow(ReentrantLoadError)
  })

  it('does not follow a load that is done', () => {
    const [first, second] = [load(), load()]
    waitFor(first, second, 'key')
    first.settled = true
    waitFor(second, first, 'key')
    expect(second.waitsFor?.has(first)).toBe(true)
  })

  it('forgets edges to loads that are done once there are many', () => {
    const waiter = load()
    for (let edge = 0; edge < 10_000; edge++) {
      const target = load()
      waitFor(waiter, target, 'key')
      target.settled = true
    }
    expect(waiter.waitsFor?.size).toBeLessThanOrEqual(2 * leastPruneAt)
  })

  it('looks at each edge a few times only, also where none of very many is done', () => {
    const waiter = load()
    let asked = 0
    for (let edge = 0; edge < 10_000; edge++) {
      const target = load()
      Object.defineProperty(target, 'settled', {
        get() {
          asked++
          return false
        },
      })
      waitFor(waiter, target, 'key')
    }
    expect(waiter.waitsFor?.size).toBe(10_000)
    expect(asked).toBeLessThan(60_000)
  })

  it('says where a message may be read, without the key, what to do about it', () => {
    const only = load()
    expect(() => waitFor(only, only, 'secret')).toThrow(
      /^the loader of a key of 6 characters waits.*load what it needs without wrap/,
    )
  })
})

describe('currentLoad', () => {
  it('is the load from whose loader the call comes, until that load is done', async () => {
    const outer = load()
    const run = async () => {
      await null
      expect(currentLoad()).toBe(outer)
      outer.settled = true
      expect(currentLoad()).toBeUndefined()
    }
    await runAs(outer, run, undefined)
    expect(currentLoad()).toBeUndefined()
  })

  it('is nobody for what the caller does while the loader runs', async () => {
    const outer = load()
    let end = () => {}
    const running = runAs(outer, () => new Promise<void>((resolve) => (end = resolve)), undefined)
    expect(currentLoad()).toBeUndefined()
    await null
    expect(currentLoad()).toBeUndefined()
    end()
    await running
  })

  it('leaves the caller its own async context, and gives it to the loader as well', async () => {
    const request = new AsyncLocalStorage<string>()
    await request.run('mine', async () => {
      const seen = await runAs(load(), async () => request.getStore(), undefined)
      expect(seen).toBe('mine')
      expect(request.getStore()).toBe('mine')
      expect(() =>
        runAs(
          load(),
          () => {
            throw new Error('broken')
          },
          undefined,
        ),
      ).toThrow('broken')
      expect(request.getStore()).toBe('mine')
      expect(currentLoad()).toBeUndefined()
    })
  })
})
