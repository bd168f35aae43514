import type { ConnectionOptions } from 'node:tls'
import type { Clock } from '../clock.ts'
import { InvalidOptionError } from '../errors.ts'
import { askProvider } from './ask-provider.ts'

/** Node's TLS options, `true` for its defaults, or a function that is asked before each connect. */
export type TlsSetting =
  | true
  | ConnectionOptions
  | (() => ConnectionOptions | Promise<ConnectionOptions>)

/**
 * Refuses TLS that would accept any server, or a version that is broken (RFC 8996).
 * @throws InvalidOptionError
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

/**
 * The options to connect with now: the server is verified, by TLS 1.2 at least, whatever Node was started with.
 * `undefined` where TLS was not asked for.
 * @param ending aborted when nobody will want the answer any more
 * @throws InvalidOptionError, as a rejection, for options that `checkTls` refuses
 * @throws StoreError of kind `auth`, as a rejection, where a function gives none within 10 s
 */
export async function tlsNow(
  tls: TlsSetting | undefined,
  insecure: boolean,
  clock: Clock,
  ending?: AbortSignal,
): Promise<ConnectionOptions | undefined> {
  if (tls === undefined) return undefined
  const given = typeof tls === 'function' ? await askProvider(tls, 'tls', clock, ending) : tls
  const options = given === true ? {} : given
  checkTls(options, insecure)
  return {
    ...options,
    rejectUnauthorized: options.rejectUnauthorized ?? true,
    minVersion: options.minVersion ?? 'TLSv1.2',
  }
}
