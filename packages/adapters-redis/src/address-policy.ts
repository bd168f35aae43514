import { BlockList, isIP } from 'node:net'
import { InvalidOptionError } from '@holdfast/core'

/** Where bytes in clear may go: this machine and networks that are not routed on the internet (RFC 6890). */
const nearby = new BlockList()
for (const [network, prefix] of [
  ['0.0.0.0', 32],
  ['127.0.0.0', 8],
  ['10.0.0.0', 8],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  ['169.254.0.0', 16],
  // Shared address space (RFC 6598): clouds use it inside.
  ['100.64.0.0', 10],
] as const) {
  nearby.addSubnet(network, prefix, 'ipv4')
}
for (const [network, prefix] of [
  ['::', 128],
  ['::1', 128],
  ['fc00::', 7],
  ['fe80::', 10],
] as const) {
  nearby.addSubnet(network, prefix, 'ipv6')
}

/** Whether an IP address belongs to a public network. A BlockList sees IPv4 inside IPv6 for what it is. */
export function isPublicAddress(address: string): boolean {
  const family = isIP(address)
  if (family === 0) return false
  return !nearby.check(address, family === 6 ? 'ipv6' : 'ipv4')
}

/**
 * Refuses a public address that would be spoken to in clear. Names pass: what they stand for is checked at each
 * connect.
 * @throws {InvalidOptionError}
 */
export function refusePublicPlaintext(address: string): void {
  if (!isPublicAddress(address)) return
  throw new InvalidOptionError(
    `redis at the public address ${address} would be spoken to without encryption; set tls, or insecure: true to do it all the same`,
  )
}
