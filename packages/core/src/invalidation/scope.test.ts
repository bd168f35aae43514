import { describe, expect, it } from 'vitest'
import { expiredMark, Fence, isTouched, releaseMarks, Scope, touchedMark } from './scope.ts'

function root() {
  const fence = new Fence()
  return { fence, scope: new Scope(fence, undefined, 'root') }
}

describe('a scope', () => {
  it('is the same for one name, unlike every other, and new once it was closed', () => {
    const { scope } = root()
    const a = scope.child('a')
    expect(scope.child('a')).toBe(a)
    expect(
      new Set([scope, a, scope.child('b'), a.child('b')].map(({ prefix }) => prefix)).size,
    ).toBe(4)
    a.closed = true
    expect(scope.child('a')).not.toBe(a)
    expect(scope.child('a').prefix).not.toBe(a.prefix)
  })

  it('knows whether it, or one around it, was cleared since', () => {
    const { fence, scope } = root()
    const inner = scope.child('a').child('b')
    const seq = fence.seq
    scope.child('other').clear()
    inner.child('inside').clear()
    expect(inner.clearedSince(seq)).toBe(false)
    scope.clear()
    expect(inner.clearedSince(seq)).toBe(true)
    expect(inner.clearedSince(fence.seq)).toBe(false)
  })

  it('is off while one around it is, and what was kept is cleared as it goes off', () => {
    const { fence, scope } = root()
    const inner = scope.child('a')
    const seq = fence.seq
    scope.switch(false)
    expect([inner.isOff, inner.clearedSince(seq)]).toEqual([true, true])
    const again = fence.seq
    scope.switch(false)
    scope.switch(true)
    expect([inner.isOff, fence.seq]).toEqual([false, again])
  })
})

describe('marks of tags', () => {
  it('tell an invalidation here or around, and no other', () => {
    const { fence, scope } = root()
    const inner = scope.child('a')
    const held = inner.holdMarks(['t', 'u'])
    let seq = fence.seq
    inner.invalidateTags(['other'])
    scope.child('b').invalidateTags(['t'])
    inner.child('inside').invalidateTags(['t'])
    expect(touchedMark(held, seq)).toBeUndefined()
    scope.invalidateTags(['u'])
    expect(touchedMark(held, seq)?.tag).toBe('u')
    seq = fence.seq
    inner.invalidateTags(['t', 'u'])
    expect(touchedMark(held, seq)?.tag).toBe('t')
    expect(touchedMark(held, fence.seq)).toBeUndefined()
  })

  it('tell the first expiry since, of any of them, and that is no invalidation', () => {
    const { fence, scope } = root()
    const inner = scope.child('a')
    const held = inner.holdMarks(['t', 'u'])
    const seq = fence.seq
    expect(isTouched(held, seq)).toBe(false)
    inner.child('inside').expireTags(['t'], 5)
    scope.expireTags(['other'], 6)
    expect(expiredMark(held, seq)).toBeUndefined()
    expect(inner.tagsTouchedSince(seq)).toBe(true)
    scope.expireTags(['u'], 10)
    inner.expireTags(['t', 'u'], 20)
    expect(expiredMark(held, seq)).toEqual({ tag: 'u', at: 10 })
    expect(expiredMark(held, fence.seq - 1)).toEqual({ tag: 't', at: 20 })
    expect(expiredMark(held, fence.seq)).toBeUndefined()
    expect(touchedMark(held, seq)).toBeUndefined()
    expect(isTouched(held, seq)).toBe(true)
    expect(fence.seq).toBe(seq + 4)
    scope.expireTags([], 30)
    expect(fence.seq).toBe(seq + 4)
  })

  it('live exactly as long as somebody holds them, so their number is not that of the tags ever seen', () => {
    const { scope } = root()
    const [one, two] = [scope.holdMarks(['t']), scope.holdMarks(['t', 'u'])]
    expect(scope.heldTags).toBe(2)
    releaseMarks(two)
    expect(scope.heldTags).toBe(1)
    releaseMarks(one)
    expect(scope.heldTags).toBe(0)
    for (let tag = 0; tag < 1_000; tag++) scope.invalidateTags([`tag ${tag}`])
    expect(scope.heldTags).toBe(0)
    releaseMarks(undefined)
    expect(scope.holdMarks([])).toBeUndefined()
  })

  it('that nobody held meanwhile are made up for by the scope: any tag counts', () => {
    const { fence, scope } = root()
    const inner = scope.child('a')
    const seq = fence.seq
    expect(inner.tagsTouchedSince(seq)).toBe(false)
    scope.invalidateTags([])
    expect(inner.tagsTouchedSince(seq)).toBe(false)
    scope.invalidateTags(['whatever'])
    expect(inner.tagsTouchedSince(seq)).toBe(true)
    expect(scope.child('b').tagsTouchedSince(fence.seq)).toBe(false)
  })
})
