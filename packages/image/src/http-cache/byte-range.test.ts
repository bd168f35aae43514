import { describe, expect, it } from 'vitest'
import { requestedRange } from './byte-range.ts'
import { fieldsOf } from './fields.ts'

const read = (
  range: string,
  length = 10,
  condition: string | undefined = undefined,
  kept: Record<string, string> = {},
) => {
  const request: [string, string][] = [['range', range]]
  if (condition !== undefined) request.push(['if-range', condition])
  const asked = requestedRange(fieldsOf(request), fieldsOf(Object.entries(kept)), length)
  return asked.kind === 'part' ? [asked.first, asked.last] : asked.kind
}

describe('a range', () => {
  it('is from and to, from on, or the last bytes', () => {
    expect(read('bytes=0-1')).toEqual([0, 1])
    expect(read('bytes=2-')).toEqual([2, 9])
    expect(read('bytes=-3')).toEqual([7, 9])
    expect(read('Bytes=9-99')).toEqual([9, 9])
    expect(read('bytes=-99')).toEqual([0, 9])
  })

  it('outside the body cannot be satisfied', () => {
    expect(read('bytes=10-')).toBe('unsatisfiable')
    expect(read('bytes=-0')).toBe('unsatisfiable')
    expect(read('bytes=0-0', 0)).toBe('unsatisfiable')
    expect(read('bytes=-5', 0)).toBe('unsatisfiable')
  })

  it('that is one of several, of another unit or unreadable means all', () => {
    for (const range of [
      'bytes=0-1,3-4',
      'lines=0-1',
      'bytes=',
      'bytes=-',
      'bytes=5-2',
      'bytes=a-b',
      '',
    ]) {
      expect(read(range), range).toBe('all')
    }
  })

  it('under If-Range is a part of the very same representation only', () => {
    expect(read('bytes=0-1', 10, '"a"', { etag: '"a"' })).toEqual([0, 1])
    expect(read('bytes=0-1', 10, '"b"', { etag: '"a"' })).toBe('all')
    expect(read('bytes=0-1', 10, 'W/"a"', { etag: 'W/"a"' })).toBe('all')
    const modified = 'Sun, 06 Nov 1994 08:49:37 GMT'
    const kept = { 'last-modified': modified, date: 'Sun, 06 Nov 1994 09:00:00 GMT' }
    expect(read('bytes=0-1', 10, modified, kept)).toEqual([0, 1])
    expect(read('bytes=0-1', 10, modified, { ...kept, date: modified })).toBe('all')
    expect(read('bytes=0-1', 10, 'Sun, 06 Nov 1994 08:49:38 GMT', kept)).toBe('all')
    expect(read('bytes=0-1', 10, 'a', { etag: 'a' })).toBe('all')
  })
})
