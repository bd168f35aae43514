import { randomUUID } from 'node:crypto'
import { type Clock, systemClock } from '../../clock.ts'
import type { NutcrackerPool } from '../nutcracker/pool.ts'
import { createRing, type Ring } from '../ring.ts'
import { type Address, proxyAddress, serverAddress } from './addresses.ts'
import { refuseStrangers } from './allowed-hosts.ts'
import { type CacheClient, memcachedClient, redisClient } from './cache-client.ts'
import { CliError, exitCodes } from './cli-error.ts'
import { LineConnection } from './line-connection.ts'
import { compareStats } from './nutcracker-stats.ts'
import { chooseRing, isPool, type RingFile } from './ring-file.ts'
import { columns, printable, type Terminal } from './terminal.ts'

export interface VerifyOptions {
  readonly pool?: string | undefined
  /** Where the proxy is, if not where the file says it listens. */
  readonly proxy?: Address | undefined
  readonly stats?: Address | undefined
  readonly hosts: readonly string[]
  readonly count: number
  readonly timeoutMs: number
}

const ttlSeconds = 60
const shownDifferences = 10

/** A key that is not where the ring says. */
interface Difference {
  readonly key: string
  readonly expected: string
  readonly found: string | undefined
}

/**
 * `holdfast-ring verify`: writes keys of its own through a running nutcracker and looks for each straight on the
 * server where the ring says it is. Keys live for a minute at most and are deleted before. Returns the exit code.
 */
export async function verify(
  terminal: Terminal,
  file: RingFile,
  options: VerifyOptions,
  clock: Clock = systemClock,
): Promise<number> {
  const pool = verifiablePool(file, options.pool)
  const proxyAt = options.proxy ?? proxyAddress(pool)
  const serversAt = pool.servers.map(serverAddress)
  const { stats: statsAt } = options
  refuseStrangers(
    [proxyAt, ...serversAt, ...(statsAt === undefined ? [] : [statsAt])],
    options.hosts,
  )

  if (statsAt !== undefined) {
    const problems = await compareStats(statsAt, pool, clock, options.timeoutMs)
    for (const problem of problems) terminal.write(`${problem}\n`)
    if (problems.length > 0) return exitCodes.different
  }

  const clients: CacheClient[] = []
  const open = async (address: Address, isServer: boolean) => {
    const client = await clientOf(pool, address, isServer, clock, options.timeoutMs)
    clients.push(client)
    return client
  }
  try {
    const proxy = await open(proxyAt, false)
    const servers: CacheClient[] = []
    for (const address of serversAt) servers.push(await open(address, true))
    const keys = makeKeys(pool, options.count)
    const differences = await findDifferences(pool, keys, proxy, servers)
    return report(terminal, pool, keys, differences)
  } finally {
    for (const client of clients) client.close()
  }
}

function verifiablePool(file: RingFile, name: string | undefined): NutcrackerPool {
  const { ring } = chooseRing(file, name)
  if (!isPool(ring)) throw new CliError('verify needs a nutcracker.yml, not a ring of our own')
  if (ring.distribution === 'random') {
    throw new CliError(`pool '${printable(ring.name)}' is 'random': there is nothing to verify`)
  }
  return ring
}

/** Keys that nobody else has: with and without a tag, and one in seven with bytes that are no ASCII. */
function makeKeys(pool: NutcrackerPool, count: number): string[] {
  const prefix = `holdfast-ring:verify:${randomUUID()}`
  const [opening, closing] = pool.hashTag ?? ''
  return Array.from({ length: count }, (_, i) => {
    const accent = i % 7 === 0 ? ':é' : ''
    const tagged = opening !== undefined && closing !== undefined && i % 2 === 0
    return tagged ? `${prefix}:${opening}${i}${closing}${accent}` : `${prefix}:${i}${accent}`
  })
}

async function findDifferences(
  pool: NutcrackerPool,
  keys: readonly string[],
  proxy: CacheClient,
  servers: readonly CacheClient[],
): Promise<Difference[]> {
  const ring = createRing(pool)
  const differences: Difference[] = []
  const written: string[] = []
  try {
    for (const key of keys) {
      written.push(key)
      await proxy.set(key, key, ttlSeconds)
      const expected = ring.locateIndex(key)
      if ((await servers[expected]!.get(key)) === key) continue
      let found: string | undefined
      for (const [i, server] of servers.entries()) {
        if (i !== expected && (await server.get(key)) === key) found = pool.servers[i]!.name
      }
      differences.push({ key, expected: pool.servers[expected]!.name, found })
    }
    return differences
  } finally {
    // A proxy that fails in between leaves keys, which expire by themselves.
    await deleteAll(proxy, written).catch(() => {})
  }
}

async function deleteAll(proxy: CacheClient, keys: readonly string[]): Promise<void> {
  for (const key of keys) await proxy.delete(key)
}

function report(
  terminal: Terminal,
  pool: NutcrackerPool,
  keys: readonly string[],
  differences: readonly Difference[],
): number {
  const agreed = keys.length - differences.length
  terminal.write(
    `${printable(pool.name)}: ${agreed} of ${keys.length} keys are where the ring says\n`,
  )
  if (differences.length === 0) return exitCodes.done
  terminal.write(
    columns([
      ['key', 'ring says', 'found on'],
      ...differences
        .slice(0, shownDifferences)
        .map(({ key, expected, found }) => [key, expected, found ?? 'no server'].map(printable)),
    ]),
  )
  const signMatters = differences.every(({ key }) => /[^\p{ASCII}]/u.test(key))
  terminal.write(
    signMatters && agreesUnsigned(pool, differences)
      ? "Only keys that are no ASCII differ: this nutcracker reads bytes unsigned, as on ARM. Give the ring charSign: 'unsigned'.\n"
      : 'The running nutcracker has another configuration, or has ejected a server: compare the files (holdfast-ring diff), and ask it with --stats.\n',
  )
  return exitCodes.different
}

function agreesUnsigned(pool: NutcrackerPool, differences: readonly Difference[]): boolean {
  const ring: Ring = createRing({ ...pool, charSign: 'unsigned' })
  return differences.every(({ key, found }) => ring.locate(key) === found)
}

async function clientOf(
  pool: NutcrackerPool,
  address: Address,
  isServer: boolean,
  clock: Clock,
  timeoutMs: number,
): Promise<CacheClient> {
  const connection = await LineConnection.open(address, clock, timeoutMs)
  if (!pool.redis) return memcachedClient(connection)
  try {
    // The proxy selects the database by itself and knows no SELECT.
    const database = isServer ? pool.redisDb : 0
    return await redisClient(connection, { password: pool.redisAuth, database })
  } catch (error) {
    connection.close()
    throw error
  }
}
