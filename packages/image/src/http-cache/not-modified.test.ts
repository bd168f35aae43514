import { describe, expect, it } from 'vitest'
import { mergeNotModified } from './not-modified.ts'

describe('a 304', () => {
  it('renews the fields it brings, and leaves the others', () => {
    expect(
      mergeNotModified(
        [
          ['etag', '"a"'],
          ['a', '1'],
          ['b', '2'],
        ],
        [
          ['b', '3'],
          ['c', '4'],
          ['c', '5'],
        ],
      ),
    ).toEqual([
      ['etag', '"a"'],
      ['a', '1'],
      ['b', '3'],
      ['c', '4'],
      ['c', '5'],
    ])
  })

  it('cannot change how the kept bytes are read', () => {
    const kept = [
      ['content-length', '36'],
      ['content-type', 'text/plain'],
      ['content-encoding', 'gzip'],
    ] as const
    const answer = kept.map(([name]) => [name, 'x'] as const)
    expect(mergeNotModified(kept, [...answer, ['content-range', 'x']])).toEqual(kept)
  })

  it('about another entity is no answer to what was asked', () => {
    expect(mergeNotModified([['etag', '"a"']], [['etag', '"b"']])).toBeUndefined()
    expect(mergeNotModified([['etag', 'W/"a"']], [['etag', '"a"']])).toBeDefined()
  })

  it('that varies by something else is no answer either', () => {
    expect(mergeNotModified([], [['vary', 'cookie']])).toBeUndefined()
    expect(mergeNotModified([['vary', 'A, b']], [['vary', 'b,a']])).toBeDefined()
  })
})
