import { describe, expect, it } from 'vitest'
import { parseHttpDate } from './http-date.ts'

const now = Date.UTC(2026, 10, 20)
const instant = Date.UTC(1994, 10, 6, 8, 49, 37)

describe('an HTTP date', () => {
  it('is read in all three forms of RFC 9110, whatever the case of its letters', () => {
    for (const date of [
      'Sun, 06 Nov 1994 08:49:37 GMT',
      'sUN, 06 nOV 1994 08:49:37 gmt',
      'Sunday, 06-Nov-94 08:49:37 GMT',
      'Sun Nov  6 08:49:37 1994',
    ]) {
      expect(parseHttpDate(date, now), date).toBe(instant)
    }
  })

  it('is not read where others may read it differently', () => {
    for (const date of [
      '',
      '0',
      '-1',
      'Sun, 06 Nov 1994 08:49:37 UTC',
      'Sun, 06 Nov 1994 08:49:37 +0000',
      'Sun, 06 Nov 94 08:49:37 GMT',
      'Sun 06 Nov 1994 08:49:37 GMT',
      'Sun, 6 Nov 1994 08:49:37 GMT',
      'Sun, 06  Nov 1994 08:49:37 GMT',
      'Sun, 06-Nov-1994 08:49:37 GMT',
      'Sun, 06 Nov 1994 8:49:37 GMT',
      'Sun, 06 Nov 1994 08.49.37 GMT',
      'Sun, 31 Feb 1994 08:49:37 GMT',
      'Sun, 06 Nov 1994 24:00:00 GMT',
      '1994-11-06T08:49:37Z',
      'Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT',
    ]) {
      expect(parseHttpDate(date, now), date).toBeUndefined()
    }
  })

  it('with two digits for its year is never more than 50 years ahead', () => {
    expect(parseHttpDate('Sunday, 06-Nov-76 08:49:37 GMT', now)).toBe(
      Date.UTC(2076, 10, 6, 8, 49, 37),
    )
    expect(parseHttpDate('Sunday, 06-Nov-77 08:49:37 GMT', now)).toBe(
      Date.UTC(1977, 10, 6, 8, 49, 37),
    )
  })

  it('of a year below 100 is no year of the 20th century', () => {
    expect(parseHttpDate('Sun, 06 Nov 0094 08:49:37 GMT', now)).toBeLessThan(Date.UTC(1000, 0))
  })
})
