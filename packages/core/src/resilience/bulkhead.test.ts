import { describe, expect, it } from 'vitest'
import { turn } from '../../test/held.ts'
import { Bulkhead, type Place } from './bulkhead.ts'

/** Work in a bulkhead that stays until the test ends it. */
function workIn(bulkhead: Bulkhead, lender?: Place) {
  let end: () => void = () => {}
  const ended = new Promise<void>((resolve) => {
    end = resolve
  })
  const work = {
    place: undefined as Place | undefined,
    end,
    ticket: undefined as unknown as Ticket,
  }
  type Ticket = ReturnType<Bulkhead['enter']>
  work.ticket = bulkhead.enter((place) => {
    work.place = place
    return ended
  })
  if (lender !== undefined) work.ticket.ride(lender)
  return work
}

describe('Bulkhead', () => {
  it('runs as many at once as it has places, and the rest in their order', async () => {
    const bulkhead = new Bulkhead(2, 10)
    const works = [workIn(bulkhead), workIn(bulkhead), workIn(bulkhead), workIn(bulkhead)]
    await turn()
    expect(works.map((work) => work.place !== undefined)).toEqual([true, true, false, false])
    expect(bulkhead.waiting).toBe(2)
    works[1]?.end()
    await turn()
    expect(works.map((work) => work.place !== undefined)).toEqual([true, true, true, false])
    expect(bulkhead.waiting).toBe(1)
  })

  it('is full when every place is taken and the queue has no room', async () => {
    const bulkhead = new Bulkhead(1, 2)
    for (let entered = 0; entered < 3; entered++) {
      expect(bulkhead.isFull([])).toBe(false)
      workIn(bulkhead)
    }
    expect(bulkhead.isFull([])).toBe(true)
    await turn()
    expect(bulkhead.isFull([])).toBe(true)
  })

  it('gives the room of one that left the queue to the next', async () => {
    const bulkhead = new Bulkhead(1, 1)
    workIn(bulkhead)
    const second = workIn(bulkhead)
    await turn()
    expect(bulkhead.isFull([])).toBe(true)
    second.ticket.leave()
    expect(bulkhead.isFull([])).toBe(false)
    expect(bulkhead.waiting).toBe(0)
  })

  it('lends a place to one at a time of those who were started from it, and counts none of them', async () => {
    const bulkhead = new Bulkhead(1, 0)
    const outer = workIn(bulkhead)
    await turn()
    expect(bulkhead.isFull([])).toBe(true)
    expect(bulkhead.isFull(outer.place ? [outer.place] : [])).toBe(false)
    const inner = workIn(bulkhead, outer.place)
    const second = workIn(bulkhead, outer.place)
    await turn()
    expect([inner.place !== undefined, second.place !== undefined]).toEqual([true, false])
    inner.end()
    await turn()
    expect(second.place).toBeDefined()
    second.end()
    outer.end()
    await turn()
    expect(bulkhead.isFull([])).toBe(false)
    expect(bulkhead.waiting).toBe(0)
  })

  it('lends nothing of a place whose holder has gone: who waited for it queues as everybody', async () => {
    const bulkhead = new Bulkhead(1, 10)
    const outer = workIn(bulkhead)
    await turn()
    const inner = workIn(bulkhead, outer.place)
    const second = workIn(bulkhead, outer.place)
    await turn()
    outer.end()
    inner.end()
    await turn()
    const third = workIn(bulkhead)
    await turn()
    expect([second.place !== undefined, third.place !== undefined]).toEqual([true, false])
  })
})
