import { ImageError } from '../image-error.ts'
import type { GuardSettings, OriginEntry } from './settings.ts'
import { tryUrl } from './try-url.ts'

const mostCharacters = 4096

/**
 * The URL that a text means. Everything that two parsers have been known to read in two ways is refused, and all that
 * comes after uses the parsed form alone.
 * @throws ImageError `url`
 */
export function parseUrl(text: unknown): URL {
  if (typeof text !== 'string')
    throw refused(`a URL must be a string; it was of type ${typeof text}`)
  if (text.length > mostCharacters)
    throw refused(`a URL may have ${mostCharacters} characters; it had ${text.length}`)
  if (/[\p{Cc} \\]/u.test(text) || !text.isWellFormed())
    throw refused('a URL may hold no spaces, control characters or backslashes')
  const url = tryUrl(text)
  if (url === undefined)
    throw refused('expected an absolute URL such as https://img.example.com/a.jpg')
  if (url.hostname.endsWith('.')) throw refused('the host of a URL may not end in a dot')
  return url
}

function refused(message: string): ImageError {
  return new ImageError('url', message)
}

/**
 * The entry of the list that admits a URL, judged without any I/O: scheme, user, port, origin, and the address where the
 * host is one.
 * @throws ImageError `scheme`, `credentials`, `port`, `origin`, `address`
 */
export function admitUrl(url: URL, settings: GuardSettings): OriginEntry {
  if (!settings.schemes.has(url.protocol)) {
    const known = [...settings.schemes].map((scheme) => scheme.slice(0, -1)).join(' and ')
    throw new ImageError(
      'scheme',
      `expected ${known}, not ${url.protocol.slice(0, 20)}; see network.schemes`,
    )
  }
  if (url.username !== '' || url.password !== '')
    throw new ImageError(
      'credentials',
      'a URL may hold no user name or password; see origins[].headers',
    )
  const covering = settings.origins.filter((entry) => entry.covers(url))
  const entry = covering.find((one) => admitsPort(one, url, settings))
  if (entry === undefined) {
    if (url.port !== '' && !settings.ports.has(Number(url.port)))
      throw new ImageError(
        'port',
        `port ${url.port} is not open; see network.ports and origins[].ports`,
      )
    throw new ImageError('origin', `the host ${shown(url)} is not admitted by origins`)
  }
  const literal = addressLiteral(url)
  if (literal !== undefined && !settings.admitsAddress(literal))
    throw new ImageError('address', 'the host is no public address; see network.allowPrivate')
  return entry
}

/** Judged for each entry by itself: the port that one opens is not open to the credentials of another. */
function admitsPort(entry: OriginEntry, url: URL, settings: GuardSettings): boolean {
  const port = url.port === '' ? undefined : Number(url.port)
  if (port !== undefined && (entry.port === port || entry.ports.has(port))) return true
  return entry.port === undefined && (port === undefined || settings.ports.has(port))
}

/** The address that a URL names in place of a host name. */
export function addressLiteral(url: URL): string | undefined {
  if (url.hostname.startsWith('[')) return url.hostname.slice(1, -1)
  // The URL parser turns every spelling of an IPv4 address into this one, and nothing else that ends in a number parses.
  return /^\d+\.\d+\.\d+\.\d+$/.test(url.hostname) ? url.hostname : undefined
}

/** A host for messages. */
export function shown(url: URL): string {
  return url.hostname.slice(0, 100)
}
