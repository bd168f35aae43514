import type { NutcrackerPool, NutcrackerServer } from '../nutcracker/pool.ts'
import { CliError } from './cli-error.ts'

/** Where a server or proxy listens. */
export type Address = { readonly host: string; readonly port: number } | { readonly path: string }

export const addressText = (address: Address): string =>
  'path' in address ? address.path : `${address.host}:${address.port}`

/** `host:port` (the last colon counts, so IPv6 may stand bare) or the path of a socket; `undefined` for anything else. */
export function parseAddress(text: string): Address | undefined {
  if (text.startsWith('/')) return { path: text }
  const [, host = '', digits = ''] = /^(.+):(\d+)$/.exec(text) ?? []
  const port = Number(digits)
  return host !== '' && port >= 1 && port <= 65_535
    ? { host: withoutBrackets(host), port }
    : undefined
}

/** Where a pool's proxy is found. */
export function proxyAddress({ listen }: NutcrackerPool): Address {
  // A socket may have its mode after the path.
  if (listen.startsWith('/')) return { path: listen.replace(/ [^ ]*$/, '') }
  const address = parseAddress(listen)
  if (address === undefined) throw new CliError(`cannot read the address to listen on: ${listen}`)
  // A proxy that listens on all addresses is found on this machine.
  const everywhere = 'host' in address && (address.host === '0.0.0.0' || address.host === '::')
  return everywhere ? { host: 'localhost', port: address.port } : address
}

export const serverAddress = ({ host, port, path }: NutcrackerServer): Address =>
  path === undefined ? { host: withoutBrackets(host!), port: port! } : { path }

const withoutBrackets = (host: string): string => host.replace(/^\[(.*)\]$/, '$1')
