import { describe, expect, it } from 'vitest'
import { OriginGate } from './origin-gate.ts'

const never = new AbortController().signal

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
    await expect(
      gate.enter(1, never, async () => Promise.reject(new Error('failed'))),
    ).rejects.toThrow()
    expect(gate.isIdle).toBe(true)
  })
})
