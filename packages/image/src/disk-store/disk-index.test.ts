import { describe, expect, it } from 'vitest'
import { DiskIndex } from './disk-index.ts'

const file = (name: string, usedAt: number, bytes = 10) => ({ name, usedAt, bytes })
const facts = (usedAt: number, bytes = 10) => ({ usedAt, bytes, expiresAt: undefined })

describe('the index of a folder', () => {
  it('takes over what a scan saw, the one unused longest first', () => {
    const index = new DiskIndex()
    index.rebuild([file('b', 2), file('a', 1)], index.beginScan())
    expect([...index.names()]).toEqual(['a', 'b'])
    expect([index.entries, index.bytes]).toEqual([2, 20])
  })

  it('does not bring back what went while the scan was under way', () => {
    const index = new DiskIndex()
    index.put('known', facts(1))
    const since = index.beginScan()
    index.drop('known')
    index.drop('of another process')
    index.put('back', facts(2))
    index.drop('back')
    index.put('back', facts(3, 30))
    index.rebuild(
      [file('known', 1), file('of another process', 1), file('back', 2), file('there', 1)],
      since,
    )
    expect([...index.names()]).toEqual(['there', 'back'])
    expect(index.bytes).toBe(40)
    // The next scan begins anew.
    index.rebuild([file('known', 1)], index.beginScan())
    expect([...index.names()]).toEqual(['known'])
  })

  it('forgets what a scan did not see, unless it came since', () => {
    const index = new DiskIndex()
    index.put('old', facts(1))
    const since = index.beginScan()
    index.put('new', facts(2))
    index.rebuild([], since)
    expect([...index.names()]).toEqual(['new'])
  })
})
