export interface CookieSettings {
  readonly name: string
  readonly secure: boolean
  readonly sameSite: 'lax' | 'strict' | 'none'
  readonly domain: string | undefined
  readonly path: string
}

/** Browsers keep no cookie longer than 400 days (RFC 6265bis, 5.5). */
const longestS = 400 * 24 * 60 * 60

const attributes = ({ secure, sameSite, domain, path }: CookieSettings) =>
  `Path=${path}${domain === undefined ? '' : `; Domain=${domain}`}; HttpOnly${secure ? '; Secure' : ''}; SameSite=${
    sameSite.charAt(0).toUpperCase() + sameSite.slice(1)
  }`

/** The header that hands a cookie out. It ends with the session at the latest: the server does not believe it longer anyway. */
export function setCookie(cookie: CookieSettings, value: string, lifeMs: number): string {
  const seconds = Math.min(longestS, Math.max(1, Math.ceil(lifeMs / 1_000)))
  return `${cookie.name}=${value}; Max-Age=${seconds}; ${attributes(cookie)}`
}

/** The header that takes it back. */
export function clearCookie(cookie: CookieSettings): string {
  return `${cookie.name}=; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT; ${attributes(cookie)}`
}
