/**
 * Milliseconds that a Retry-After asks for, counted from `now`; `undefined` where there is none that can be read
 * (RFC 9110, 10.2.3: whole seconds, or a date).
 */
export function retryAfterMs(header: string | null, now: number): number | undefined {
  const text = header?.trim() ?? ''
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1_000
  // Only dates of HTTP: Date.parse reads a good deal more.
  if (!/^[A-Z][a-z]{2,8},? .*\d{2}:\d{2}:\d{2}/.test(text)) return undefined
  const at = Date.parse(/GMT$/.test(text) ? text : `${text} GMT`)
  return Number.isNaN(at) ? undefined : Math.max(0, at - now)
}
