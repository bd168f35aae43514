import type { HoldfastConfig, StoreConfig } from '../config/config-options.ts'
import { notesInto } from './finding.ts'
import { checkMemcachedServer, type MemcachedOptions } from './memcached-checks.ts'
import type { Patient, ServerRoom } from './patient.ts'
import { checkRedisServer } from './redis-checks.ts'
import { type RedisLogin, RedisWire } from './redis-wire.ts'
import { type Endpoint, labelOf, reasonOf } from './wire.ts'

/** Options of a connection, with secrets in clear. */
interface Connection extends RedisLogin {
  readonly tls?: Endpoint['tls']
}
interface RedisConnection extends Connection {
  readonly host?: string
  readonly port?: number
  readonly path?: string
  readonly cluster?: readonly Address[]
  readonly sentinels?: readonly { readonly host: string; readonly port?: number }[]
  readonly sentinelPassword?: string
  readonly name?: string
}
export type Address = string | Endpoint | { readonly name?: string | undefined }

/** Looks at every server that a store itself connects to. */
export async function checkServers(
  config: StoreConfig,
  patient: Patient,
  serversOf: (ring: string) => readonly Address[],
): Promise<(ServerRoom | undefined)[]> {
  if (config.redis !== undefined) return checkRedis(config.redis as RedisConnection, patient)
  if (config.shardedRedis !== undefined) {
    const {
      ring,
      servers = serversOf(ring!),
      connection = {},
    } = config.shardedRedis as unknown as {
      readonly ring?: string
      readonly servers?: readonly Address[]
      readonly connection?: Connection
    }
    return Promise.all(
      servers.map((server) =>
        checkRedisServer(at(server, 6_379, connection.tls), connection, patient, false),
      ),
    )
  }
  if (config.memcached !== undefined) {
    const {
      ring,
      servers = serversOf(ring!),
      tls,
      username,
      password,
      protocol,
      itemBytes,
    } = config.memcached as unknown as Partial<MemcachedOptions> & {
      readonly ring?: string
      readonly servers?: readonly Address[]
      readonly tls?: Endpoint['tls']
    }
    const options = {
      protocol: protocol ?? 'binary',
      username,
      password,
      itemBytes: itemBytes ?? 1_048_576,
    }
    return Promise.all(
      servers.map((server) => checkMemcachedServer(at(server, 11_211, tls), options, patient)),
    )
  }
  return []
}

async function checkRedis(connection: RedisConnection, patient: Patient) {
  const { host = 'localhost', port = 6_379, path, tls, cluster, sentinels } = connection
  const encrypted = tls === undefined ? {} : { tls }
  if (cluster !== undefined) {
    const primaries = await primariesOf(cluster, connection, patient)
    return Promise.all(primaries.map((place) => checkRedisServer(place, connection, patient, true)))
  }
  if (sentinels !== undefined) {
    const primary = await primaryOf(connection, patient)
    return primary === undefined
      ? [undefined]
      : [await checkRedisServer({ ...primary, ...encrypted }, connection, patient, false)]
  }
  const place = path === undefined ? { host, port } : { path }
  return [await checkRedisServer({ ...place, ...encrypted }, connection, patient, false)]
}

/** The nodes that take writes, as the first node that answers knows them; those given where none does. */
async function primariesOf(
  nodes: readonly Address[],
  connection: RedisConnection,
  { timeoutMs }: Patient,
): Promise<Endpoint[]> {
  const given = nodes.map((node) => at(node, 6_379, connection.tls))
  for (const place of given) {
    try {
      const wire = await RedisWire.open(place, connection, timeoutMs)
      try {
        const reply = await wire.ask('CLUSTER', 'NODES')
        if (typeof reply !== 'string') continue
        const primaries = reply
          .split('\n')
          .map((line) => line.split(' '))
          .filter(([, , flags]) => flags?.includes('master') && !flags.includes('fail'))
          .map(([, address]) => /^(.*):(\d+)(?:@|$)/.exec(address!.split(',')[0]!))
          .flatMap((match) =>
            match === null
              ? []
              : [at(`${match[1] || place.host}:${match[2]}`, 6_379, connection.tls)],
          )
        if (primaries.length > 0) return primaries
      } finally {
        wire.close()
      }
    } catch {
      // It is told of below, when it is looked at.
    }
  }
  return given
}

async function primaryOf(
  { sentinels = [], sentinelPassword, name = '' }: RedisConnection,
  patient: Patient,
): Promise<Endpoint | undefined> {
  for (const { host, port = 26_379 } of sentinels) {
    const notes = notesInto(patient.findings, patient.part, labelOf({ host, port }))
    try {
      const login = sentinelPassword === undefined ? {} : { password: sentinelPassword }
      const wire = await RedisWire.open({ host, port }, login, patient.timeoutMs)
      const reply = await wire
        .ask('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', name)
        .finally(() => wire.close())
      if (Array.isArray(reply)) {
        notes.ok('sentinel', 'it knows the primary')
        return { host: String(reply[0]), port: Number(reply[1]) }
      }
      notes.critical('sentinel', 'it knows no primary of that name', 'correct name')
    } catch (error) {
      notes.warning(
        'sentinel',
        `it cannot be asked: ${reasonOf(error)}`,
        'check host, port and firewall; with fewer than three sentinels nobody fails over',
      )
    }
  }
  notesInto(patient.findings, patient.part).critical(
    'reachable',
    'no sentinel names a primary',
    'check sentinels and name',
  )
  return undefined
}

function at(address: Address, defaultPort: number, tls: Endpoint['tls']): Endpoint {
  const encrypted = tls === undefined ? {} : { tls }
  if (typeof address !== 'string') {
    const { name, ...place } = address as Endpoint & { readonly name?: string }
    if (place.path === undefined && place.host === undefined)
      return at(name ?? 'localhost', defaultPort, tls)
    return { port: defaultPort, ...place, ...encrypted }
  }
  if (address.startsWith('/')) return { path: address, ...encrypted }
  const [, v6, host, port] = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d+))?$/.exec(address) ?? []
  return { host: v6 ?? host ?? address, port: Number(port ?? defaultPort), ...encrypted }
}

/** The stores that stand behind each of some, themselves included. */
export function storesBehind(
  stores: NonNullable<HoldfastConfig['stores']>,
  names: Iterable<string>,
): ReadonlySet<string> {
  const found = new Set<string>()
  const visit = (name: string): void => {
    const store = stores[name]
    if (store === undefined || found.has(name)) return
    found.add(name)
    const { sharded, failover, encrypted, prefixed, memcached } = store
    const inner = [
      ...(sharded?.servers.map((server) => server.store) ?? []),
      sharded?.gutter,
      failover?.main,
      failover?.gutter,
      encrypted?.store,
      prefixed?.store,
      memcached?.gutter as string | undefined,
    ]
    for (const each of inner) if (each !== undefined) visit(each)
  }
  for (const name of names) visit(name)
  return found
}
