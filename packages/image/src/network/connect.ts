import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { Clock } from '@holdfast/core'
import { ImageError } from '../image-error.ts'
import type { AddressPolicy } from './address-policy.ts'
import { sameAddress } from './ip-address.ts'
import { resolveAdmitted, systemLookup } from './resolve.ts'
import type { DialTarget, NetworkSeam } from './seam.ts'

/** Of several addresses, one that does not answer may take this long before the next is tried. */
const attemptMs = 1_000

/** All that a connection is made under. */
export interface Connecting {
  readonly admitsAddress: AddressPolicy
  readonly ca: readonly string[] | undefined
  readonly seam: NetworkSeam | undefined
  readonly clock: Clock
  /** The end of each attempt, TLS included: who asked has left by then. */
  readonly timeoutMs: number
}

export interface Endpoint {
  /** A name, or an address without brackets. */
  readonly host: string
  readonly port: number
  readonly secure: boolean
}

/**
 * A connection to an address that was checked: the socket is given the address and never the name, so that nobody looks
 * the name up a second time and gets another answer.
 * @throws ImageError `address`, `dns`, `network`
 */
export async function connect(endpoint: Endpoint, under: Connecting): Promise<Socket> {
  const { host, port } = endpoint
  const isLiteral = isIP(host) !== 0
  const admits = under.admitsAddress
  const ask = (name: string) => (under.seam ?? { lookup: systemLookup }).lookup(name)
  if (isLiteral && !admits(host))
    throw new ImageError('address', 'the host is no public address; see network.allowPrivate')
  const addresses = isLiteral ? [host] : await resolveAdmitted(host, ask, admits)
  const servername = endpoint.secure && !isLiteral ? { servername: host } : {}
  let failure: unknown
  for (const [place, address] of addresses.entries()) {
    const isLast = place === addresses.length - 1
    const waitMs = isLast ? under.timeoutMs : Math.min(attemptMs, under.timeoutMs)
    try {
      return await attempt({ address, port, ...servername }, endpoint, under, waitMs)
    } catch (error) {
      // A certificate that does not fit is the answer of the host, whichever address it has.
      if (error instanceof ImageError) throw error
      failure = error
    }
  }
  throw noConnection(host, failure)
}

async function attempt(
  target: DialTarget,
  { host, secure }: Endpoint,
  under: Connecting,
  waitMs: number,
): Promise<Socket> {
  const socket =
    under.seam?.dial(target) ??
    connectTcp({ host: target.address, port: target.port, noDelay: true })
  // Whoever waits for it hears of its errors; where nobody does any more, they are nobody's.
  socket.on('error', () => {})
  const late = () => socket.destroy(new Error('no connection in time'))
  const timer = under.clock.setTimeout(late, waitMs)
  try {
    if (socket.connecting) await once(socket, 'connect')
    verifyPeer(socket, target, under)
    return secure ? await secured(socket, host, under) : socket
  } finally {
    under.clock.clearTimeout(timer)
  }
}

function verifyPeer(socket: Socket, target: DialTarget, under: Connecting): void {
  // Whatever stood between us and the kernel, what counts is who is at the other end. A seam may lead elsewhere.
  if (under.seam !== undefined || sameAddress(socket.remoteAddress ?? '', target.address)) return
  socket.destroy()
  throw new ImageError('address', 'the connection went to another address than the one checked')
}

async function secured(socket: Socket, host: string, under: Connecting): Promise<Socket> {
  const name = isIP(host) === 0 ? { servername: host } : { host }
  const over = connectTls({
    socket,
    ...name,
    ALPNProtocols: ['http/1.1'],
    minVersion: 'TLSv1.2',
    // Written out, since NODE_TLS_REJECT_UNAUTHORIZED would switch the default off.
    rejectUnauthorized: true,
    ...(under.ca === undefined ? {} : { ca: [...under.ca] }),
  })
  try {
    await once(over, 'secureConnect')
  } catch (cause) {
    socket.destroy()
    const isVerdict = over.authorizationError != null || isCertificateFault(cause)
    if (!isVerdict) throw cause
    throw new ImageError('network', `the certificate of ${host.slice(0, 100)} was not accepted`, {
      cause,
      retryable: false,
    })
  }
  return over
}

function isCertificateFault(error: unknown): boolean {
  return /CERT|SIGNATURE|ALTNAME/.test(String((error as { code?: unknown })?.code))
}

function once(socket: Socket, event: 'connect' | 'secureConnect'): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (error?: Error) => {
      socket.off(event, arrived)
      socket.off('close', closed)
      // An error may follow after this one was told; without a listener it would end the process.
      if (error === undefined) socket.off('error', settle)
      if (error === undefined) resolve()
      else reject(error)
    }
    const arrived = () => settle()
    const closed = () => settle(new Error('the connection was closed before it was ready'))
    socket.on(event, arrived)
    socket.on('close', closed)
    socket.on('error', settle)
  })
}

export function noConnection(host: string, cause: unknown): ImageError {
  return new ImageError('network', `no connection to ${host.slice(0, 100)}`, { cause })
}
