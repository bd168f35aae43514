import type { ConnectionOptions } from 'node:tls'
import { InvalidOptionError } from '@holdfast/core'

/** Node's TLS options, `true` for its defaults, or a function that is asked before each connect. */
export type TlsSetting =
  | true
  | ConnectionOptions
  | (() => ConnectionOptions | Promise<ConnectionOptions>)

/**
 * Refuses TLS that would accept any server, or a version that is broken (RFC 8996).
 * @throws {InvalidOptionError}
 */
export function checkTls(tls: ConnectionOptions, insecure: boolean): void {
  if (typeof tls !== 'object' || tls === null || Array.isArray(tls)) {
    throw new InvalidOptionError(
      "tls must be true, an object of Node's TLS options, or a function that gives such an object",
    )
  }
  if (tls.rejectUnauthorized === false && !insecure) {
    throw new InvalidOptionError(
      'tls.rejectUnauthorized: false would accept any server; give its authority as tls.ca, or set insecure: true',
    )
  }
  for (const option of ['minVersion', 'maxVersion'] as const) {
    const version = tls[option]
    if (version === undefined || version === 'TLSv1.2' || version === 'TLSv1.3') continue
    throw new InvalidOptionError(`tls.${option} expects TLSv1.2 or TLSv1.3, not ${version}`)
  }
}

/** The options as they are used: verified, and TLS 1.2 at least, whatever Node was started with. */
export const verified = (tls: ConnectionOptions): ConnectionOptions => ({
  ...tls,
  rejectUnauthorized: tls.rejectUnauthorized ?? true,
  minVersion: tls.minVersion ?? 'TLSv1.2',
})
