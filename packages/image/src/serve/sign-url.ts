import { createHmac, timingSafeEqual } from 'node:crypto'
import { InvalidOptionError } from '@holdfast/core'
import { systemClock } from '@holdfast/core/adapter'

/** One key of a rotation, as imgproxy has it. Text is taken as UTF-8; keys in hexadecimal are `Buffer.from(hex, 'hex')`. */
export interface SigningPair {
  readonly key: string | Uint8Array
  readonly salt: string | Uint8Array
}

export interface VerifyOptions {
  /** Unix milliseconds that `exp` is compared with; below 10^11 they are read as seconds. Default: now. */
  readonly now?: number | undefined
}

/** Below it a number of milliseconds would be in 1973, and one of seconds is in the next thousand years. */
const leastMs = 1e11

/**
 * The signature of a path: unpadded base64url of HMAC-SHA-256 over salt and path, which is imgproxy's scheme. A
 * request then asks for `/<signature><path>`. The path begins with a slash; where it has a query, that is part of it.
 * A segment `exp:<unix seconds>` in it ends its validity.
 * @throws InvalidOptionError
 */
export function signUrl(path: string, pair: SigningPair): string {
  if (typeof path !== 'string' || !path.startsWith('/')) {
    throw new InvalidOptionError("signUrl(path): path must begin with '/'")
  }
  return digest(path, checkPair(pair, 'signUrl: pair')).toString('base64url')
}

/** Whether one of the pairs gave the path this signature, and its `exp`, if it has one, has not passed. Takes the same time for every wrong one. */
export function verifyUrl(
  path: string,
  signature: string,
  pairs: readonly SigningPair[],
  options: VerifyOptions = {},
): boolean {
  return signatureFault(path, signature, pairs, options) === undefined
}

/** What is wrong with a signed path. Whether it has expired is told only of one that somebody signed. */
export function signatureFault(
  path: string,
  signature: string,
  pairs: readonly SigningPair[],
  options: VerifyOptions = {},
): 'signature' | 'expired' | undefined {
  if (typeof path !== 'string' || typeof signature !== 'string') return 'signature'
  const given = /^[\w-]{43}$/.test(signature) ? Buffer.from(signature, 'base64url') : undefined
  let isSigned = false
  for (const pair of pairs) {
    const expected = digest(path, pair)
    // Every pair is tried, and a malformed signature as long as any other.
    const isSame = timingSafeEqual(expected, given?.length === 32 ? given : Buffer.alloc(32))
    // The last character of 43 says two bits that no byte needs: one signature has one spelling.
    if (isSame && given !== undefined && expected.toString('base64url') === signature)
      isSigned = true
  }
  if (!isSigned) return 'signature'
  const now = options.now ?? systemClock.now()
  const nowSeconds = now < leastMs ? now : now / 1_000
  const ends = expiriesOf(path)
  return ends.some((end) => !(nowSeconds < end)) ? 'expired' : undefined
}

/** Each `exp` in a path, as a segment or as a parameter, in Unix seconds; one that is no number has passed. */
function expiriesOf(path: string): number[] {
  const [segments = '', ...queries] = path.split('?')
  const found = [...segments.matchAll(/\/(?:exp|expires):([^/]*)/g)].map(([, value = '']) => value)
  found.push(...new URLSearchParams(queries.join('?')).getAll('exp'))
  return found.map((value) => (/^\d{1,15}$/.test(value) ? Number(value) : Number.NaN))
}

function digest(path: string, { key, salt }: SigningPair): Buffer {
  return createHmac('sha256', key).update(salt).update(path).digest()
}

/** @throws InvalidOptionError unless there is a key to sign with */
export function checkPair(pair: SigningPair, where: string): SigningPair {
  for (const name of ['key', 'salt'] as const) {
    const value: unknown = pair?.[name]
    const isBytes = typeof value === 'string' || value instanceof Uint8Array
    if (!isBytes || (name === 'key' && value.length === 0)) {
      throw new InvalidOptionError(
        `${where}.${name} must be ${name === 'key' ? 'a non-empty string' : 'a string'} or bytes`,
      )
    }
  }
  return pair
}
