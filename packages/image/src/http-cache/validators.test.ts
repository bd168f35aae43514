import { describe, expect, it } from 'vitest'
import { fieldsOf } from './fields.ts'
import { isNotModified, isSameStrongTag, isSameTag, revalidationFields } from './validators.ts'

const fields = (of: Record<string, string>) => fieldsOf(Object.entries(of))
const receivedAt = Date.UTC(2026, 10, 20)
const early = 'Sun, 06 Nov 1994 08:49:37 GMT'
const late = 'Mon, 07 Nov 1994 08:49:37 GMT'

describe('validators', () => {
  it('are sent both where there are both', () => {
    expect(revalidationFields(fields({ etag: 'W/"a"', 'last-modified': early }))).toEqual([
      ['if-none-match', 'W/"a"'],
      ['if-modified-since', early],
    ])
    expect(revalidationFields(fields({}))).toEqual([])
  })

  it('are the same weakly without their W/, strongly only where neither has one', () => {
    expect(isSameTag('W/"a"', '"a"')).toBe(true)
    expect(isSameTag('"a"', '"b"')).toBe(false)
    expect(isSameStrongTag('"a"', '"a"')).toBe(true)
    expect(isSameStrongTag('W/"a"', 'W/"a"')).toBe(false)
    expect(isSameStrongTag('', '')).toBe(false)
  })

  it('tell a client that it has the response already', () => {
    const has = (request: Record<string, string>, kept: Record<string, string>) =>
      isNotModified(fields(request), fields(kept), receivedAt)
    const tag = { etag: '"a,b"' }
    expect(has({ 'if-none-match': '"x", W/"a,b"' }, tag)).toBe(true)
    expect(has({ 'if-none-match': '"a"' }, tag)).toBe(false)
    expect(has({ 'if-none-match': '*' }, tag)).toBe(true)
    expect(has({ 'if-none-match': '"a,b"' }, {})).toBe(false)
    expect(has({ 'if-modified-since': late }, { 'last-modified': early })).toBe(true)
    expect(has({ 'if-modified-since': early }, { 'last-modified': late })).toBe(false)
    expect(has({ 'if-modified-since': late }, { date: early })).toBe(true)
    expect(has({ 'if-modified-since': late }, {})).toBe(false)
    expect(has({ 'if-modified-since': 'never' }, { 'last-modified': early })).toBe(false)
    expect(has({}, tag)).toBe(false)
  })

  it('by tag go before those by date', () => {
    const request = fields({ 'if-none-match': '"b"', 'if-modified-since': late })
    const kept = fields({ etag: '"a"', 'last-modified': early })
    expect(isNotModified(request, kept, receivedAt)).toBe(false)
  })
})
