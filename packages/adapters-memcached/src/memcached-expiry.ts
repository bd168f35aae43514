/** Above this many seconds a server takes an expiry for a Unix time (doc/protocol.txt, "Expiration times"). */
const relativeLimit = 60 * 60 * 24 * 30

/** The last second that every server reads right: some count in 32 bits with a sign. */
const lastSecond = 0x7fff_ffff

/** An expiry that is over at once, in all protocols: a Unix time of 1970. */
export const alreadyOver = relativeLimit + 1

/**
 * A time to live as Memcached counts it: whole seconds, rounded up, and beyond 30 days a Unix time. Below a second it
 * is one second; 0 would be for ever, which only `Infinity` means, and what ends after 2038.
 * @param ttlMs above 0.
 * @param now in Unix milliseconds.
 */
export function expiryOf(ttlMs: number, now: number): number {
  const seconds = Math.max(1, Math.ceil(ttlMs / 1_000))
  if (seconds <= relativeLimit) return seconds
  const at = Math.ceil((now + ttlMs) / 1_000)
  return at <= lastSecond ? at : 0
}
