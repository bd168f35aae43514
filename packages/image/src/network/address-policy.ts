import { BlockList } from 'node:net'
import { InvalidOptionError } from '@holdfast/core'
import {
  addressBytes,
  isIsatap,
  mappedIpv4,
  nat64Ipv4,
  sameAddress,
  tunnelledIpv4,
} from './ip-address.ts'

/**
 * Every block of the IANA IPv4 Special-Purpose Address Registry (RFC 6890 and successors), multicast, and the former
 * class E. The few blocks that are reachable all the same (AS112, AMT, the 6to4 relay) serve no images.
 */
const specialIpv4 = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.31.196.0/24',
  '192.52.193.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '192.175.48.0/24',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
]

/** The only part of IPv6 that IANA has given out for the public network … */
const publicIpv6 = ['2000::/3']

/** … and its special blocks: protocol assignments with Teredo and ORCHID, documentation, 6to4, AS112. */
const specialIpv6 = ['2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20', '2620:4f:8000::/48']

/** Where clouds answer with credentials, or with what only the platform should hear. */
const platformAddresses = [
  '169.254.169.254',
  '100.100.100.200',
  '192.0.0.192',
  '168.63.129.16',
  'fd00:ec2::254',
  'fd20:ce::254',
]

const refusedIpv4 = blocks(specialIpv4)
const admittedIpv6 = blocks(publicIpv6)
const refusedIpv6 = blocks(specialIpv6)
const platform = blocks(platformAddresses)

/** Whether a connection to this address is admitted. Anything that is no plain IP address is not. */
export type AddressPolicy = (address: string) => boolean

/**
 * Admits public addresses and the blocks of `allowPrivate`; platform addresses only where `allowPrivate` names exactly
 * them. IPv6 is judged by a list of what is admitted, so that a block nobody has thought of is refused.
 * @throws InvalidOptionError for an entry that is no address or block; `where` names the option.
 */
export function addressPolicy(allowPrivate: readonly string[], where: string): AddressPolicy {
  const wide: string[] = []
  const exact: string[] = []
  allowPrivate.forEach((entry, place) => {
    const { address, bits, width } = parseBlock(entry, `${where}[${place}]`)
    if (bits === width) exact.push(address)
    else wide.push(entry)
  })
  const opened = blocks([...wide, ...exact])
  const admits = (address: string): boolean => {
    const bytes = addressBytes(address)
    if (bytes === undefined) return false
    const carried = mappedIpv4(bytes) ?? nat64Ipv4(bytes)
    if (carried !== undefined) return admits(carried.join('.'))
    if (contains(platform, address)) return exact.some((one) => sameAddress(one, address))
    const tunnelled = tunnelledIpv4(bytes)
    if (tunnelled !== undefined && contains(platform, tunnelled.join('.'))) return false
    if (contains(opened, address)) return true
    if (bytes.length === 4) return !contains(refusedIpv4, address)
    return contains(admittedIpv6, address) && !contains(refusedIpv6, address) && !isIsatap(bytes)
  }
  return admits
}

function parseBlock(entry: string, where: string) {
  const [address = '', length, ...rest] = String(entry).split('/')
  const bytes = addressBytes(address)
  const width = (bytes?.length ?? 0) * 8
  const bits = length === undefined ? width : Number(/^\d{1,3}$/.test(length) ? length : Number.NaN)
  if (bytes === undefined || rest.length > 0 || !(bits <= width)) {
    throw new InvalidOptionError(
      `${where} must be an address or a block of them such as '10.2.0.0/16' or 'fd12:3456::/32'; it was ${JSON.stringify(String(entry).slice(0, 60))}`,
    )
  }
  if (mappedIpv4(bytes) !== undefined || nat64Ipv4(bytes) !== undefined) {
    throw new InvalidOptionError(
      `${where} must be written as the IPv4 block it carries: mapped and NAT64 addresses are judged by that`,
    )
  }
  return { address, bits, width }
}

function blocks(written: readonly string[]): BlockList {
  const list = new BlockList()
  for (const block of written) {
    const [address = '', bits] = block.split('/')
    const family = address.includes(':') ? 'ipv6' : 'ipv4'
    if (bits === undefined) list.addAddress(address, family)
    else list.addSubnet(address, Number(bits), family)
  }
  return list
}

function contains(list: BlockList, address: string): boolean {
  return list.check(address, address.includes(':') ? 'ipv6' : 'ipv4')
}
