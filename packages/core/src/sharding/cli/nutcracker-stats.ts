import type { Clock } from '../../clock.ts'
import type { NutcrackerPool } from '../nutcracker/pool.ts'
import { type Address, addressText } from './addresses.ts'
import { CliError, exitCodes } from './cli-error.ts'
import { LineConnection } from './line-connection.ts'
import { printable } from './terminal.ts'

/**
 * Compares the servers that a running nutcracker reports on its stats port with those of the file. Returns what is
 * different, one sentence each.
 */
export async function compareStats(
  address: Address,
  pool: NutcrackerPool,
  clock: Clock,
  timeoutMs: number,
): Promise<string[]> {
  const connection = await LineConnection.open(address, clock, timeoutMs)
  const text = await connection.rest()
  connection.close()
  const reported = serversOf(text, pool.name, address)
  const expected = new Set(pool.servers.map(({ name }) => name))
  if (reported === undefined) {
    return [`the running nutcracker has no pool '${printable(pool.name)}'`]
  }
  return [
    ...[...expected]
      .filter((name) => !reported.has(name))
      .map((name) => `the running nutcracker has no server '${printable(name)}'`),
    ...[...reported]
      .filter((name) => !expected.has(name))
      .map((name) => `the file has no server '${printable(name)}'`),
  ]
}

/** In the stats each pool is an object, in which counters are numbers and servers are objects again. */
function serversOf(text: string, pool: string, address: Address): Set<string> | undefined {
  let stats: unknown
  try {
    stats = JSON.parse(text)
  } catch (error) {
    const message = `${addressText(address)} does not answer with nutcracker's stats; its default port is 22222`
    throw new CliError(message, exitCodes.unreachable, error)
  }
  const found = isObject(stats) ? stats[pool] : undefined
  if (!isObject(found)) return undefined
  return new Set(
    Object.entries(found)
      .filter(([, value]) => isObject(value))
      .map(([name]) => name),
  )
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null
