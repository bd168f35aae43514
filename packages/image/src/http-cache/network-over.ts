import { networkFetch } from '../network/network-fetch.ts'
import { seamOf } from '../network/seam.ts'

/**
 * The way out: the caller's own, a test's network, else the global `fetch` as it is now. Not as it will be: whoever
 * puts a caching one in its place would otherwise send it to itself.
 */
export function networkOver(options: object, own: typeof fetch | undefined): typeof fetch {
  const seam = seamOf(options)
  return own ?? (seam === undefined ? globalThis.fetch : networkFetch(seam))
}
