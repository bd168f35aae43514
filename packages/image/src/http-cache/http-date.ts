const months = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']
const day = '(?:mon|tue|wed|thu|fri|sat|sun)'
const longDay = '(?:monday|tuesday|wednesday|thursday|friday|saturday|sunday)'
const month = `(${months.join('|')})`
const time = '(\\d{2}):(\\d{2}):(\\d{2})'

const imfFixdate = new RegExp(`^${day}, (\\d{2}) ${month} (\\d{4}) ${time} gmt$`, 'i')
const rfc850 = new RegExp(`^${longDay}, (\\d{2})-${month}-(\\d{2}) ${time} gmt$`, 'i')
const asctime = new RegExp(`^${day} ${month} ([ \\d]\\d) ${time} (\\d{4})$`, 'i')

/**
 * The instant of an HTTP date (RFC 9110, 5.6.7) in Unix milliseconds, or `undefined` where it is none of the three
 * forms. Only case is forgiven: a date that others read differently must not make anything fresh.
 * `now` places the two-digit year of the oldest form: never more than 50 years ahead.
 */
export function parseHttpDate(value: string | null | undefined, now: number): number | undefined {
  if (value === null || value === undefined) return undefined
  const fixed = imfFixdate.exec(value)
  if (fixed) return instant(Number(fixed[3]), fixed[2]!, fixed[1]!, fixed.slice(4))
  const old = rfc850.exec(value)
  if (old) return instant(fullYear(Number(old[3]), now), old[2]!, old[1]!, old.slice(4))
  const c = asctime.exec(value)
  if (c) return instant(Number(c[6]), c[1]!, c[2]!, c.slice(3, 6))
  return undefined
}

function fullYear(twoDigits: number, now: number): number {
  const thisYear = new Date(now).getUTCFullYear()
  const year = thisYear - (thisYear % 100) + twoDigits
  return year > thisYear + 50 ? year - 100 : year
}

function instant(
  year: number,
  monthName: string,
  dayOfMonth: string,
  [hour, minute, second]: string[],
): number | undefined {
  const monthIndex = months.indexOf(monthName.toLowerCase())
  const at = new Date(0)
  at.setUTCFullYear(year, monthIndex, Number(dayOfMonth))
  // 30 February would roll over into March.
  if (at.getUTCMonth() !== monthIndex) return undefined
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 60) return undefined
  at.setUTCHours(Number(hour), Number(minute), Number(second))
  return at.getTime()
}
