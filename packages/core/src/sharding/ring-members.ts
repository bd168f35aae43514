import { InvalidOptionError } from '../errors.ts'
import { refuseUnknownNames } from '../options/known-names.ts'
import type { RingMember } from './placement.ts'
import type { Compat, Distribution, RingServer } from './ring-options.ts'

const knownNames = ['name', 'weight', 'host', 'port', 'path']
const heaviest = 2 ** 31 - 1
/** Both twemproxy and libmemcached leave this port out of a name, for the sake of rings older than ports in names. */
const silentPort = 11_211

/**
 * Checks a list of servers and finds out what is hashed for each.
 * @throws InvalidOptionError for an empty list, a server without a name, two of one name, or a value out of range.
 */
export function ringMembers(
  servers: unknown,
  compat: Compat | undefined,
  distribution: Distribution,
): RingMember[] {
  if (!Array.isArray(servers)) {
    throw new InvalidOptionError(
      `servers must be a list such as [{ name: '10.0.0.1:11211', weight: 1 }], got ${typeof servers}`,
    )
  }
  if (servers.length === 0) throw new InvalidOptionError('servers must hold at least one server')

  const nameHolders = new Map<string, number>()
  const ringNameHolders = new Map<string, number>()
  return servers.map((server: unknown, index) => {
    const checked = checkServer(server, `servers[${index}]`)
    const name = checked.name ?? addressName(checked, compat)
    const ringName = ringNameOf(checked, name, compat, distribution)
    const weight = checked.weight ?? 1
    if (compat === 'pymemcache' && weight !== 1) {
      throw new InvalidOptionError(
        `servers[${index}].weight must be 1 with compat 'pymemcache', which knows no weights`,
      )
    }
    const twin = nameHolders.get(name) ?? ringNameHolders.get(ringName)
    if (twin !== undefined) {
      throw new InvalidOptionError(
        `servers[${index}] has the same name as servers[${twin}]: '${name}'; give each server a name of its own`,
      )
    }
    nameHolders.set(name, index)
    ringNameHolders.set(ringName, index)
    return { name, ringName, weight, index }
  })
}

function checkServer(server: unknown, where: string): RingServer {
  if (typeof server !== 'object' || server === null) {
    throw new InvalidOptionError(
      `${where} must be an object such as { name: '10.0.0.1:11211', weight: 1 }, got ${typeof server}`,
    )
  }
  refuseUnknownNames(server, knownNames, where)
  const { name, weight, host, port, path } = server as Record<keyof RingServer, unknown>
  for (const [option, text] of Object.entries({ name, host, path })) {
    if (text !== undefined && (typeof text !== 'string' || text === '')) {
      throw new InvalidOptionError(`${where}.${option} must be a non-empty string`)
    }
  }
  if (name === undefined && host === undefined && path === undefined) {
    throw new InvalidOptionError(`${where} needs a name (or a host, or a path to make one of)`)
  }
  if (host !== undefined && path !== undefined) {
    throw new InvalidOptionError(`${where} has a host and a path; a server has one of them`)
  }
  if (weight !== undefined && !isWholeNumber(weight, 1, heaviest)) {
    throw new InvalidOptionError(
      `${where}.weight must be a whole number from 1 to ${heaviest}, got ${shown(weight)}; leave a server without load out of the list`,
    )
  }
  if (port !== undefined && !isWholeNumber(port, 1, 65_535)) {
    throw new InvalidOptionError(
      `${where}.port must be a whole number from 1 to 65535, got ${shown(port)}`,
    )
  }
  return server as RingServer
}

const isWholeNumber = (value: unknown, least: number, most: number): boolean =>
  Number.isInteger(value) && (value as number) >= least && (value as number) <= most
const shown = (value: unknown): string =>
  typeof value === 'number' ? String(value) : `a ${typeof value}`

function addressName(server: RingServer, compat: Compat | undefined): string {
  // twemproxy ends the name of a socket with the colon that stands before its weight.
  if (server.path !== undefined) return compat === 'twemproxy' ? `${server.path}:` : server.path
  const silent = compat === 'twemproxy' && server.port === silentPort
  return server.port === undefined || silent ? server.host! : `${server.host}:${server.port}`
}

/** A bare name is an address as somebody wrote it down; beside a host or a path it is an alias, taken verbatim. */
function ringNameOf(
  server: RingServer,
  name: string,
  compat: Compat | undefined,
  distribution: Distribution,
): string {
  const isBare = server.host === undefined && server.path === undefined
  const socket = server.path ?? (isBare && name.startsWith('/') ? name : undefined)
  if (compat === 'libmemcached') {
    // libmemcached knows no aliases, only addresses; a socket has the port 0.
    const address = socket === undefined ? hostAddress(server, name) : `${socket}:0`
    if (distribution !== 'ketama_spy') return withoutSilentPort(address)
    return address.includes(':') ? `/${address}` : `/${address}:${silentPort}`
  }
  if (compat !== 'twemproxy' || !isBare) return name
  if (socket === undefined) return withoutSilentPort(name)
  return name.endsWith(':') ? name : `${name}:`
}

const hostAddress = (server: RingServer, name: string): string =>
  server.host === undefined ? name : `${server.host}:${server.port ?? silentPort}`

function withoutSilentPort(address: string): string {
  const colon = address.lastIndexOf(':')
  const port = address.slice(colon + 1)
  const silent = colon > 0 && /^\d+$/.test(port) && Number(port) === silentPort
  return silent ? address.slice(0, colon) : address
}
