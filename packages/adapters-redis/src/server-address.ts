import { isIP } from 'node:net'

/** Where a server listens. */
export interface ServerAddress {
  readonly host: string
  readonly port: number
}

/** How a map calls an address. Never a name that an object has by itself. */
export const addressKey = ({ host, port }: ServerAddress) => `${host}:${port}`

/** Labels of letters, digits, `-` and `_` (RFC 1123, and what container networks use). */
const hostName = /^(?=.{1,253}$)[a-z0-9_](?:[a-z0-9_-]{0,62})(?:\.[a-z0-9_][a-z0-9_-]{0,62})*\.?$/i

/** An address that a server named, `undefined` where it is none. */
export function checkedAddress(host: unknown, port: unknown): ServerAddress | undefined {
  if (typeof host !== 'string' || typeof port !== 'number') return undefined
  if (!Number.isInteger(port) || port < 1 || port > 65_535) return undefined
  if (isIP(host) === 0 && !isHostName(host)) return undefined
  return { host, port }
}

/** What looks like numbers alone is an address, and was none. */
const isHostName = (host: string) => hostName.test(host) && !/^[\d.]+$/.test(host)

/** `'10.0.0.1:6379'`, also with an IPv6 address in front of the last colon; `undefined` where it is none. */
export function parseServerAddress(text: string, sameHost?: string): ServerAddress | undefined {
  const colon = text.lastIndexOf(':')
  const port = text.slice(colon + 1)
  if (colon < 0 || !/^\d{1,5}$/.test(port)) return undefined
  const named = text.slice(0, colon).replace(/^\[(.*)\]$/, '$1')
  // A server that does not know its own name leaves it out, and means the one it was reached by.
  const host = named === '' || named === '?' ? sameHost : named
  return checkedAddress(host, Number(port))
}
