import { lookup } from 'node:dns'
import {
  connect,
  isIP,
  type LookupFunction,
  type OnReadOpts,
  type Socket,
  type TcpNetConnectOpts,
} from 'node:net'
import { type ConnectionOptions, connect as connectTls } from 'node:tls'
import { FaultError, fault } from './connection-errors.ts'

/** Where a server listens: at a port of a host, or at the path of a unix socket. */
export type Endpoint = { readonly host: string; readonly port: number } | { readonly path: string }

export interface SocketOptions {
  readonly endpoint: Endpoint
  /**
   * Throws where an address must not be spoken to in clear. Asked at each connect, for every address that a name stands
   * for, unless TLS is used.
   */
  readonly refuseAddress?: ((address: string) => void) | undefined
}

/** After this long without a byte the system asks whether the other side is still there. */
const keepAliveMs = 30_000

/** As much as Node reads at once. */
const readBytes = 64 * 1024

/**
 * Begins a connection, with TLS where `tls` is given. Names are resolved anew. `onOpen` runs when it is connected and,
 * with TLS, the server has proven who it is; nothing may be written before. What `onData` is given is valid for that
 * call only.
 */
export function openSocket(
  { endpoint, refuseAddress }: SocketOptions,
  tls: ConnectionOptions | undefined,
  onOpen: () => void,
  onData: (chunk: Buffer) => void,
): Socket {
  const clear = tls === undefined ? refuseAddress : undefined
  const target = 'path' in endpoint ? endpoint : tcpTarget(endpoint, clear)
  const socket =
    tls === undefined
      ? connect({ ...target, onread: intoOneMemory(onData) }, onOpen)
      : openTls({ ...tls, ...target }, onOpen)
  if (tls !== undefined) socket.on('data', onData)
  socket.setNoDelay(true)
  socket.setKeepAlive(true, keepAliveMs)
  return socket
}

/** All that a connection receives is read into the same memory: memory for each read, and the way through a stream, cost a lone get a fifteenth. */
function intoOneMemory(onData: (chunk: Buffer) => void): OnReadOpts {
  const buffer = Buffer.allocUnsafeSlow(readBytes)
  return {
    buffer,
    callback(bytes) {
      onData(buffer.subarray(0, bytes))
      return true
    },
  }
}

/** The name to verify is the one that was configured, whatever address it has led to. */
function openTls(options: object, onOpen: () => void): Socket {
  const socket = connectTls(options, () => {
    const version = socket.getProtocol()
    // A secure context that was handed in brings bounds of its own, which nobody can ask it for.
    if (version === 'TLSv1.2' || version === 'TLSv1.3') onOpen()
    else socket.destroy(new FaultError(fault('auth', tooOld(version))))
  })
  return socket
}

const tooOld = (version: string | null) =>
  `the server and tls.secureContext agreed on ${version}; TLS 1.2 is the least`

function tcpTarget(
  { host, port }: { host: string; port: number },
  refuseAddress: ((address: string) => void) | undefined,
): TcpNetConnectOpts {
  const bare = host.replace(/^\[(.*)\]$/, '$1')
  if (refuseAddress === undefined) return { host: bare, port }
  // An address is never looked up, so it is judged here.
  if (isIP(bare) !== 0) refuseAddress(bare)
  return { host: bare, port, lookup: judgedLookup(refuseAddress) }
}

/** Judges the very addresses that are then connected to. */
function judgedLookup(refuseAddress: (address: string) => void): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, options, (error, address, family) => {
      if (error !== null) {
        callback(error, address, family)
        return
      }
      try {
        for (const found of Array.isArray(address) ? address : [{ address }]) {
          refuseAddress(found.address)
        }
      } catch (refusal) {
        callback(refusal as Error, '', 0)
        return
      }
      callback(null, address, family)
    })
  }
}
