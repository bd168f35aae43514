/** Beyond this a time to live says nothing: 31,000 years, and still a number that is written without an exponent. */
const forGoodMs = 1e15

/** Eight years and a half. Dragonfly clamps what is longer without a word; here it is the same on every engine. */
const longestMs = 268_435_455_000

/**
 * A time to live as PX takes it: whole milliseconds, rounded up so that a fraction is not forever. `''` for none,
 * `'0'` for one that is already over.
 */
export function px(ttlMs: number): string {
  if (ttlMs >= forGoodMs) return ''
  return ttlMs <= 0 ? '0' : String(Math.min(longestMs, Math.ceil(ttlMs)))
}
