/** Beyond this a time to live says nothing: 31,000 years, and still a number that is written without an exponent. */
const forGoodMs = 1e15

/**
 * A time to live as PX takes it: whole milliseconds, rounded up so that a fraction is not forever. `''` for none,
 * `'0'` for one that is already over.
 */
export function px(ttlMs: number): string {
  if (ttlMs >= forGoodMs) return ''
  return ttlMs <= 0 ? '0' : String(Math.ceil(ttlMs))
}
