import { InvalidOptionError } from '@holdfast/core'
import type { RingServer } from '@holdfast/core/sharding'
import type { Endpoint } from './socket.ts'

/** A server: `'host:port'`, `'[::1]:11211'` or `'/path'`, or the same in parts. Default port 11211. */
export type MemcachedServer = string | RingServer

/** A server as the ring knows it, and where it listens. */
export interface Place {
  readonly ring: RingServer
  readonly endpoint: Endpoint
  /** For messages: `host:port`, or the path. */
  readonly label: string
}

const defaultPort = 11_211

/** @throws {InvalidOptionError} naming the server that has no address. What a ring refuses, it refuses itself. */
export function placesOf(servers: readonly MemcachedServer[]): Place[] {
  return servers.map((server: unknown, index) => {
    if (typeof server === 'string') {
      const address = parseAddress(server, `servers[${index}]`)
      return placeOf(address, address)
    }
    if (typeof server !== 'object' || server === null) {
      throw new InvalidOptionError(
        `servers[${index}] must be 'host:port' or an object with host and port; it was ${server === null ? 'null' : `of type ${typeof server}`}`,
      )
    }
    const given = server as RingServer
    if (given.path !== undefined) return placeOf(given, given)
    if (given.host !== undefined) {
      refuseAddressAsHost(given.host, index)
      const port = given.port ?? defaultPort
      return placeOf({ ...given, port }, { host: given.host, port })
    }
    if (given.name === undefined) {
      throw new InvalidOptionError(
        `servers[${index}] needs a host, a path or a name that is an address`,
      )
    }
    return placeOf(given, parseAddress(given.name, `servers[${index}].name`))
  })
}

function placeOf(ring: RingServer, { host, port, path }: RingServer): Place {
  if (path !== undefined) return { ring, endpoint: { path }, label: path }
  // What is no text the ring refuses.
  const bare = String(host).replace(/^\[(.*)\]$/, '$1')
  const endpoint = { host: bare, port: port ?? defaultPort }
  return { ring, endpoint, label: `${bare.includes(':') ? `[${bare}]` : bare}:${endpoint.port}` }
}

/** @throws {InvalidOptionError} for a host that has its port with it. */
function refuseAddressAsHost(host: unknown, index: number): void {
  if (!/^([^:]*|\[.*\]):\d+$/.test(String(host))) return
  throw new InvalidOptionError(
    `servers[${index}].host must be a name or an address alone; give its port as servers[${index}].port`,
  )
}

/** @throws {InvalidOptionError} */
function parseAddress(text: string, where: string): RingServer {
  if (text.startsWith('/')) return { path: text }
  const [, v6, name, port] =
    /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]\s/]+))(?::(\d{1,5}))?$/.exec(text) ?? []
  const host = v6 ?? name
  if (host !== undefined) return { host, port: port === undefined ? defaultPort : Number(port) }
  throw new InvalidOptionError(
    `${where} must be an address such as '10.0.0.1:11211', '[::1]:11211' or '/run/memcached.sock'`,
  )
}
