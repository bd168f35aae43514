import { isIPv4, isIPv6 } from 'node:net'
import { type Address, addressText } from './addresses.ts'
import { CliError } from './cli-error.ts'

/**
 * Refuses to talk to a host that is neither this machine nor named on the command line: a configuration from
 * production lies about, and nobody wants to write to its servers by accident.
 */
export function refuseStrangers(addresses: readonly Address[], allowed: readonly string[]): void {
  const stranger = addresses.find(
    (address) =>
      !('path' in address) && !isLoopback(address.host) && !allowed.includes(address.host),
  )
  if (stranger !== undefined && !('path' in stranger)) {
    throw new CliError(
      `${addressText(stranger)} is not on this machine; to let verify write its own keys there, pass --host ${stranger.host}`,
    )
  }
}

function isLoopback(host: string): boolean {
  if (isIPv4(host)) return host.startsWith('127.')
  if (isIPv6(host)) return host === '::1'
  return host === 'localhost'
}
