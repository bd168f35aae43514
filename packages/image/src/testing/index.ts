/**
 * `@holdfast/image/testing`: a network of its own for tests of what fetches images.
 *
 * @packageDocumentation
 */
export type { DialTarget, LookedUp, NetworkSeam } from '../network/seam.ts'
export { withNetwork } from './with-network.ts'
