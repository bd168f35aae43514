import { BlockList, isIP } from 'node:net'
import { InvalidOptionError } from '../errors.ts'

/** This machine: RFC 6890 and RFC 4291. */
const loopback = new BlockList()
loopback.addSubnet('127.0.0.0', 8, 'ipv4')
loopback.addAddress('::1', 'ipv6')

/**
 * Networks that are not routed on the internet, where bytes in clear may go (RFC 6890). Which addresses an image may be
 * fetched from is another question, with the opposite answer where nobody has thought of a block: @holdfast/image.
 */
const nearby = new BlockList()
for (const [network, prefix] of [
  ['0.0.0.0', 32],
  ['10.0.0.0', 8],
  // Shared address space (RFC 6598): clouds use it inside.
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
] as const) {
  nearby.addSubnet(network, prefix, 'ipv4')
}
for (const [network, prefix] of [
  ['::', 127],
  ['fc00::', 7],
  ['fe80::', 10],
] as const) {
  nearby.addSubnet(network, prefix, 'ipv6')
}

const isIn = (list: BlockList, address: string) =>
  list.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4')

/** Whether an IP address belongs to a public network; a name never does. A BlockList sees IPv4 inside IPv6 for what it is. */
export const isPublicAddress = (address: string): boolean =>
  isIP(address) !== 0 && !isIn(nearby, address)

/** Whether a host is this machine for sure: a loopback address, or the name that stands for one (RFC 6761). */
export const isLoopback = (host: string): boolean =>
  isIP(host) === 0 ? /^(?:.*\.)?localhost\.?$/i.test(host) : isIn(loopback, host)

/**
 * Refuses a public address that would be spoken to in clear. Names pass: what they stand for has to be judged at each
 * connect, on the very address that is then connected to.
 * @param engine for the message: `'redis'`
 * @throws InvalidOptionError that names the options `tls` and `insecure`
 */
export function refusePublicPlaintext(address: string, engine: string): void {
  if (!isPublicAddress(address)) return
  throw new InvalidOptionError(
    `${engine} at the public address ${address} would be spoken to without encryption; set tls, or insecure: true to do it all the same`,
  )
}
