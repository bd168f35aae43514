import { isIP } from 'node:net'

/** What a request says about its client, as far as it is to be recorded. */
export interface ClientDetails {
  readonly ip: string | undefined
  readonly userAgent: string | undefined
}

export const unknownClient: ClientDetails = { ip: undefined, userAgent: undefined }

/** What says more is no browser's. */
const longestUserAgent = 512

/**
 * Whose word counts is the caller's to say: `X-Forwarded-For` is written by every proxy on the way and, before the
 * first of them, by the client itself.
 */
export function clientDetails(
  trustProxy: boolean | number,
  connection: string | undefined,
  header: (name: string) => string | null | undefined,
): ClientDetails {
  const forwarded = (header('x-forwarded-for') ?? '').split(',').map((part) => part.trim())
  const hops = forwarded[0] === '' ? [] : forwarded
  let address = connection
  if (trustProxy === true) address = hops[0] ?? connection
  else if (trustProxy !== false && trustProxy > 0) {
    // From the right: the last proxy wrote down whom it was asked by, and so on towards the client.
    address = hops[Math.max(0, hops.length - trustProxy)] ?? connection
  }
  return {
    ip: address === undefined ? undefined : plainAddress(address),
    userAgent: header('user-agent')?.toWellFormed().slice(0, longestUserAgent) || undefined,
  }
}

/** An address without a port, or nothing where it is none. */
function plainAddress(text: string): string | undefined {
  const bare = /^\[([^\]]+)\](?::\d+)?$/.exec(text)?.[1] ?? text
  const address = isIP(bare) === 0 ? bare.replace(/:\d+$/, '') : bare
  if (isIP(address) === 0) return undefined
  // How Node shows an IPv4 client on a socket for both.
  return address.replace(/^::ffff:(?=\d+\.)/i, '')
}
