import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import { ImageError } from '../image-error.ts'
import type { AddressPolicy } from './address-policy.ts'
import type { LookedUp } from './seam.ts'

/** The machine's own way from names to addresses, its hosts file included. */
export const systemLookup = (hostname: string): Promise<readonly LookedUp[]> =>
  lookup(hostname, { all: true })

/**
 * The addresses of a name that may be connected to: all that one look-up gave. One of them that is refused refuses the
 * name, since who answers with a public and a private address tries which one is taken.
 * @throws ImageError `dns`, `address`
 */
export async function resolveAdmitted(
  hostname: string,
  ask: (hostname: string) => Promise<readonly LookedUp[]>,
  admits: AddressPolicy,
): Promise<readonly string[]> {
  let answers: readonly LookedUp[]
  try {
    answers = await ask(hostname)
  } catch (cause) {
    throw new ImageError('dns', `the name ${hostname.slice(0, 100)} could not be looked up`, {
      cause,
    })
  }
  const addresses = Array.isArray(answers) ? answers.map((one: LookedUp) => one?.address) : []
  if (addresses.length === 0 || addresses.some((address) => isIP(String(address)) === 0))
    throw new ImageError('dns', `the look-up of ${hostname.slice(0, 100)} gave no usable address`)
  if (!addresses.every(admits)) {
    throw new ImageError(
      'address',
      `the name ${hostname.slice(0, 100)} leads to an address that is not public; see network.allowPrivate`,
    )
  }
  return addresses
}
