import { isLoopback, refusePublicPlaintext } from '@holdfast/core/adapter'
import type { Driver } from './driver.ts'
import type { Settings } from './memcached-options.ts'
import { MemjsDriver } from './memjs-driver.ts'
import { metaDriver } from './meta-driver.ts'
import type { Place } from './server-address.ts'

/**
 * Refuses a place that must not be spoken to in clear, before anything is opened.
 * @throws {InvalidOptionError}
 */
export function judgePlace({ endpoint }: Place, { tls, insecure }: Settings): void {
  if (tls === undefined && !insecure && 'host' in endpoint) refuseAddress(endpoint.host)
}

/** What speaks to the server, by the protocol that was chosen. It connects at its first use. */
export function openDriver({ endpoint, label }: Place, settings: Settings): Driver {
  const { name, protocol, tls, credentials, insecure, clock } = settings
  if (!hasLogin(settings) && 'host' in endpoint && !isLoopback(endpoint.host)) warnOnce(label)
  const options = {
    place: { store: name, server: label },
    endpoint,
    // Names are judged when it is known what they stand for.
    ...(tls === undefined && !insecure ? { refuseAddress } : {}),
    tls,
    insecure,
    credentials,
    connectTimeoutMs: settings.connectTimeoutMs,
    commandTimeoutMs: settings.commandTimeoutMs,
    maxReplyBytes: Math.max(settings.itemBytes * 2, longestReplyBytes),
    clock,
  }
  return protocol === 'meta' ? metaDriver(options) : new MemjsDriver(options)
}

const refuseAddress = (address: string) => refusePublicPlaintext(address, 'memcached')

/** Items of others may be larger than ours; a length beyond this is garbage. */
const longestReplyBytes = 64 * 1024 * 1024

/** Whether the server can know who asks: by a login, or by a client's certificate, which a function may give. */
const hasLogin = ({ credentials, tls }: Settings): boolean =>
  credentials !== undefined ||
  typeof tls === 'function' ||
  (typeof tls === 'object' && (tls.cert !== undefined || tls.pfx !== undefined))

let hasWarned = false

function warnOnce(server: string): void {
  if (hasWarned) return
  hasWarned = true
  process.emitWarning(
    `memcached at ${server} is used without a login: whoever reaches its port reads and writes everything; set username and password, or see that only this service reaches it`,
    { type: 'HoldfastWarning', code: 'HOLDFAST_MEMCACHED_NO_LOGIN' },
  )
}
