import { describe, expect, it } from 'vitest'
import { fieldsOf } from './fields.ts'
import { retryAfterMs } from './retry-after.ts'

const now = Date.UTC(1994, 10, 6, 8, 49, 0)
const read = (value: string) => retryAfterMs(fieldsOf([['retry-after', value]]), now, 300_000)

describe('Retry-After', () => {
  it('is a number of seconds or a date, and is capped', () => {
    expect(read('5')).toBe(5_000)
    expect(read('9999999')).toBe(300_000)
    expect(read('Sun, 06 Nov 1994 08:49:37 GMT')).toBe(37_000)
    expect(read('Sun, 06 Nov 1993 08:49:37 GMT')).toBe(0)
  })

  it('is none where it cannot be read', () => {
    for (const value of ['', '-1', '1.5', 'soon']) expect(read(value), value).toBeUndefined()
    expect(retryAfterMs(fieldsOf([]), now, 1)).toBeUndefined()
  })
})
