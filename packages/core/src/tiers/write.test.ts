import { describe, expect, it } from 'vitest'
import { newDeletion, newWrite, successorOf } from './write.ts'

describe('a write that is about to be sent', () => {
  it('yields to no one if nothing came after it', () => {
    expect(successorOf(newWrite())).toBeUndefined()
  })

  it('yields to the next one, unless another has yielded to it', () => {
    const next = newWrite()
    const write = { ...newWrite(), overtakenBy: next }
    expect(successorOf(write)).toBe(next)
    expect(successorOf({ ...write, isAwaited: true })).toBeUndefined()
  })

  it.each([{ ...newWrite(), isSent: true }, newDeletion()])(
    'yields to whatever was sent after it, though another has yielded to it',
    (sent) => {
      const next = { ...newWrite(), overtakenBy: sent }
      expect(successorOf({ ...newWrite(), overtakenBy: next, isAwaited: true })).toBe(sent)
    },
  )
})
