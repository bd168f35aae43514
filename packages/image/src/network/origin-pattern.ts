import { InvalidOptionError } from '@holdfast/core'
import { addressBytes } from './ip-address.ts'
import { tryUrl } from './try-url.ts'

/** What one `match` says: which scheme, host, port and path it stands for. */
export interface OriginPattern {
  /** `'http:'` or `'https:'`; `undefined` for `'*'`. */
  readonly scheme: string | undefined
  /** The only port, where `match` names one. */
  readonly port: number | undefined
  /** Whether scheme, host and path are those of the pattern; the port is not looked at. */
  covers(url: URL): boolean
}

/**
 * Reads `'https://img.example.com'`, `'https://*.example.com:8443/public/'`, or `'*'`. Hosts are compared as the URL
 * parser writes them: lower case, punycode, addresses in their one spelling.
 * @throws InvalidOptionError naming `where`
 */
export function originPattern(match: string, where: string): OriginPattern {
  if (match === '*') return { scheme: undefined, port: undefined, covers: () => true }
  const [, scheme = '', stars = '', rest = ''] =
    /^(https?:)\/\/(\*{1,2}\.)?([^\s\\]+)$/i.exec(match) ?? []
  const parsed = tryUrl(`${scheme}//${rest}`)
  const fault =
    parsed === undefined || rest.startsWith('/') ? 'no origin' : patternFault(parsed, stars)
  if (parsed === undefined || fault !== undefined) {
    throw new InvalidOptionError(
      `${where} must be an origin such as 'https://img.example.com', 'https://*.example.com/public/' or '*'; it was ${fault}`,
    )
  }
  const { hostname } = parsed
  const admitsHost =
    stars === ''
      ? (host: string) => host === hostname
      : (host: string) => labelsBefore(host, hostname, stars === '*.')
  const prefix = parsed.pathname
  return {
    scheme: parsed.protocol,
    // The parser drops a port that is the scheme's own, which is also what matching without one means.
    port: parsed.port === '' ? undefined : Number(parsed.port),
    covers: (url) =>
      url.protocol === parsed.protocol && admitsHost(url.hostname) && isUnder(url.pathname, prefix),
  }
}

function patternFault(parsed: URL, stars: string): string | undefined {
  if (parsed.username !== '' || parsed.password !== '') return 'one with a user name or password'
  if (parsed.search !== '' || parsed.hash !== '') return 'one with a query or fragment'
  if (parsed.hostname.includes('*')) return 'one with a star that is not its first label'
  if (parsed.hostname.endsWith('.')) return 'one whose host ends in a dot'
  const isAddress = parsed.hostname.startsWith('[') || addressBytes(parsed.hostname) !== undefined
  if (stars !== '' && isAddress) return 'one with a star in front of an address'
  if (hidesSlash(parsed.pathname)) return 'one with an encoded slash'
  return undefined
}

function labelsBefore(host: string, base: string, exactlyOne: boolean): boolean {
  if (!host.endsWith(`.${base}`)) return false
  const labels = host.slice(0, -base.length - 1).split('.')
  return labels.every((label) => label !== '') && (!exactlyOne || labels.length === 1)
}

/** Whether the path begins with the prefix and goes on at the border of a segment. */
function isUnder(path: string, prefix: string): boolean {
  if (prefix === '/') return true
  if (hidesSlash(path) || !path.startsWith(prefix)) return false
  return prefix.endsWith('/') || path.length === prefix.length || path[prefix.length] === '/'
}

/** Some servers read these as slashes, and then climb out of the prefix. */
function hidesSlash(path: string): boolean {
  return /%2f|%5c/i.test(path)
}
