/** Methods registered as safe (RFC 9110, 9.2.1); any other may have changed what it was sent to. */
const safe = new Set([
  'GET',
  'HEAD',
  'OPTIONS',
  'PRI',
  'PROPFIND',
  'QUERY',
  'REPORT',
  'SEARCH',
  'TRACE',
])

/**
 * The URLs of which nothing kept is true any more after this answer (RFC 9111, 4.4): its own, and of the same origin
 * those that `Location` and `Content-Location` name. None after a safe method or an error.
 */
export function changedUrls(method: string, url: string, response: Response): readonly string[] {
  if (safe.has(method.toUpperCase()) || response.status < 200 || response.status > 399) return []
  if (!URL.canParse(url)) return []
  const changed = new Set([withoutFragment(new URL(url))])
  // After a redirect the answer is about the URL it came from.
  const bases = [url, response.url].filter((base) => URL.canParse(base))
  for (const base of bases) {
    changed.add(withoutFragment(new URL(base)))
    for (const name of ['location', 'content-location']) {
      const value = response.headers.get(name)
      if (value === null || !URL.canParse(value, base)) continue
      const named = new URL(value, base)
      if (named.origin === new URL(base).origin) changed.add(withoutFragment(named))
    }
  }
  return [...changed]
}

/** As responses are kept under it. */
export function withoutFragment(url: URL): string {
  const bare = new URL(url)
  bare.hash = ''
  return bare.href
}
