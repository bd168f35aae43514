import { isIPv4 } from 'node:net'
import { tryUrl } from './try-url.ts'

/** An address as bytes: 4 or 16 of them. */
export type AddressBytes = readonly number[]

/**
 * The bytes of an IPv4 or IPv6 address; `undefined` for anything else, scoped addresses (`fe80::1%eth0`) included.
 * Reading the many spellings of IPv6 is left to the URL parser; what it writes has only one.
 */
export function addressBytes(address: string): AddressBytes | undefined {
  if (isIPv4(address)) return address.split('.').map(Number)
  if (!address.includes(':') || /[^0-9a-f:.]/i.test(address)) return undefined
  const parsed = tryUrl(`http://[${address}]/`)
  if (parsed === undefined) return undefined
  const [head = '', tail] = parsed.hostname.slice(1, -1).split('::')
  const before = groupBytes(head)
  const after = groupBytes(tail ?? '')
  const zeros = new Array<number>(16 - before.length - after.length).fill(0)
  return [...before, ...zeros, ...after]
}

function groupBytes(groups: string): number[] {
  if (groups === '') return []
  return groups.split(':').flatMap((group) => {
    const value = Number.parseInt(group, 16)
    return [value >> 8, value & 0xff]
  })
}

/** Whether two spellings mean the same address; an IPv4 address equals itself mapped into IPv6. */
export function sameAddress(one: string, other: string): boolean {
  const [a, b] = [addressBytes(one), addressBytes(other)].map(
    (bytes) => bytes && (mappedIpv4(bytes) ?? bytes).join('.'),
  )
  return a !== undefined && a === b
}

/** The IPv4 address in `::ffff:0:0/96`. */
export function mappedIpv4(bytes: AddressBytes): AddressBytes | undefined {
  return startsWith(bytes, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff]) ? bytes.slice(12) : undefined
}

/** The IPv4 address that a NAT64 of the well-known prefix `64:ff9b::/96` sends to (RFC 6052). */
export function nat64Ipv4(bytes: AddressBytes): AddressBytes | undefined {
  return startsWith(bytes, [0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0])
    ? bytes.slice(12)
    : undefined
}

/** The interface identifier of ISATAP (RFC 5214), which tunnels to the IPv4 address in its last 4 bytes. */
export function isIsatap(bytes: AddressBytes): boolean {
  return (
    bytes.length === 16 &&
    (bytes[8] === 0 || bytes[8] === 2) &&
    bytes[9] === 0 &&
    bytes[10] === 0x5e &&
    bytes[11] === 0xfe
  )
}

/** IPv4 addresses that other tunnels and old notations carry: `::a.b.c.d`, 6to4, ISATAP. */
export function tunnelledIpv4(bytes: AddressBytes): AddressBytes | undefined {
  if (bytes.length !== 16) return undefined
  if (bytes[0] === 0x20 && bytes[1] === 0x02) return bytes.slice(2, 6)
  const compatible = bytes.slice(0, 12).every((byte) => byte === 0)
  return compatible || isIsatap(bytes) ? bytes.slice(12) : undefined
}

function startsWith(bytes: AddressBytes, prefix: AddressBytes): boolean {
  return bytes.length === 16 && prefix.every((byte, place) => bytes[place] === byte)
}
