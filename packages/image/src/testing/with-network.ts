import { InvalidOptionError } from '@holdfast/core'
import { carrySeam, type NetworkSeam } from '../network/seam.ts'

/**
 * Options for `createImageCache`, `guardedFetch` and `createHttpCache` whose every look-up goes through
 * `network.lookup` and every connection through `network.dial`, so that a test needs no public network: `dial` may
 * connect to the test's own server whatever the address. The policy judges the literal or looked-up address before
 * `dial` is called, and calls it for none that it refuses. `clock` replaces time and chance; default: the machine's.
 *
 * @throws InvalidOptionError unless `lookup` and `dial` are functions.
 */
export function withNetwork<Options extends object>(
  options: Options,
  network: NetworkSeam,
): Options {
  for (const name of ['lookup', 'dial'] as const) {
    if (typeof network?.[name] !== 'function') {
      throw new InvalidOptionError(
        `withNetwork: network.${name} must be a function; it was of type ${typeof network?.[name]}`,
      )
    }
  }
  return carrySeam(options, network)
}
