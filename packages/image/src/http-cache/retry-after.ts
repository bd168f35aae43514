import type { Fields } from './fields.ts'
import { parseHttpDate } from './http-date.ts'

/** How long an origin asks to be left alone (RFC 9110, 10.2.3), at most `capMs`; `undefined` where it does not say. */
export function retryAfterMs(fields: Fields, now: number, capMs: number): number | undefined {
  const value = fields.get('retry-after')?.trim() ?? ''
  if (/^\d+$/.test(value)) return Math.min(Number(value) * 1_000, capMs)
  const at = parseHttpDate(value, now)
  return at === undefined ? undefined : Math.min(Math.max(0, at - now), capMs)
}
