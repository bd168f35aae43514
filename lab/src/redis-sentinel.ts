import { type RedisEngine, type RedisServer, startRedis } from './redis-server.ts'
import { until } from './until.ts'

export interface SentinelGroupOptions {
  /** Default `'redis'`. */
  readonly engine?: RedisEngine
  /** After how long without an answer a server counts as down. Default 500. */
  readonly downAfterMs?: number
  /** Settings of redis.conf for the primary and its replicas. */
  readonly config?: Readonly<Record<string, string>>
}

/** A primary with two replicas, watched by three sentinels. */
export interface SentinelGroup {
  /** What the sentinels call it. */
  readonly name: string
  readonly sentinels: readonly RedisServer[]
  /** The primary of the beginning, and its replicas. */
  readonly servers: readonly RedisServer[]
  /** Where to ask, as clients are told. */
  readonly addresses: readonly { readonly host: string; readonly port: number }[]
  /** Who is the primary, as most of the sentinels say. */
  primary(): Promise<RedisServer>
  /** Waits until another server than `before` is the primary and takes writes; when that was, of `performance.now()`. */
  promotedAfter(before: RedisServer, withinMs?: number): Promise<number>
  /** Asks for a failover although nothing is wrong, as for maintenance. */
  failOver(): Promise<void>
  /** Waits until every server that runs follows the primary, and the sentinels know all of them. */
  settled(): Promise<void>
  stop(): Promise<void>
}

const name = 'lab'
const host = '127.0.0.1'

/** Starts the group on free loopback ports. About two seconds. */
export async function startSentinelGroup(
  options: SentinelGroupOptions = {},
): Promise<SentinelGroup> {
  const { engine = 'redis', downAfterMs = 500, config } = options
  const started: RedisServer[] = []
  const start = async (settings: Parameters<typeof startRedis>[0]) => {
    const server = await startRedis({ engine, ...settings })
    started.push(server)
    return server
  }
  const stop = async () => {
    await Promise.all(started.map((server) => server.stop()))
  }
  try {
    const first = await start({ ...(config && { config }) })
    const replicaof = { replicaof: `${host} ${first.port}` }
    const replicas = await Promise.all(
      [1, 2].map(() => start({ config: { ...config, ...replicaof } })),
    )
    const servers = [first, ...replicas]
    await until('the replicas are synchronized', () => allFollow(first, replicas))
    const sentinels = await Promise.all(
      [1, 2, 3].map(() =>
        start({
          sentinel: [
            `monitor ${name} ${host} ${first.port} 2`,
            `down-after-milliseconds ${name} ${downAfterMs}`,
            `failover-timeout ${name} 4000`,
            `parallel-syncs ${name} 2`,
          ],
        }),
      ),
    )
    // They find each other by what they publish, by default every 2 s.
    await Promise.all(
      sentinels.map((sentinel) => sentinel.command('SENTINEL', 'DEBUG', 'publish-period', '200')),
    )
    const group = groupOf(servers, sentinels, stop)
    await group.settled()
    return group
  } catch (error) {
    await stop()
    throw error
  }
}

function groupOf(
  servers: readonly RedisServer[],
  sentinels: readonly RedisServer[],
  stop: () => Promise<void>,
): SentinelGroup {
  const running = () => sentinels.filter((sentinel) => sentinel.running())
  const portOf = async (sentinel: RedisServer) =>
    Number(((await sentinel.command('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', name)) as string[])[1])
  const primary = async () => {
    const ports = await Promise.all(running().map(portOf))
    const [port] = ports.sort((a, b) => count(ports, b) - count(ports, a))
    const server = servers.find((each) => each.port === port)
    if (server === undefined) throw new Error(`the sentinels name port ${port}, which is nobody's`)
    return server
  }
  const isPrimary = async (server: RedisServer) =>
    server.running() && (await roleOf(server).catch(() => 'away')) === 'master'
  return {
    name,
    sentinels,
    servers,
    addresses: sentinels.map(({ port }) => ({ host, port })),
    primary,
    async promotedAfter(before, withinMs = 15_000) {
      const others = servers.filter((server) => server !== before)
      await until(
        'another primary',
        async () => (await Promise.all(others.map(isPrimary))).includes(true),
        withinMs,
      )
      return performance.now()
    },
    async failOver() {
      await running()[0]!.command('SENTINEL', 'FAILOVER', name)
    },
    async settled() {
      await until('everybody follows the primary', async () => {
        const first = await primary()
        const others = servers.filter((server) => server !== first && server.running())
        return (await roleOf(first)) === 'master' && allFollow(first, others)
      })
      await until('the sentinels know each other and all servers', async () => {
        const known = await Promise.all(running().map(factsOf))
        return known.every(
          (facts) =>
            facts['num-slaves'] === String(servers.length - 1) &&
            facts['num-other-sentinels'] === String(sentinels.length - 1) &&
            facts.flags === 'master',
        )
      })
    },
    stop,
  }
}

const count = <T>(all: readonly T[], one: T) => all.filter((each) => each === one).length

async function roleOf(server: RedisServer): Promise<string> {
  return String(((await server.command('ROLE')) as unknown[])[0])
}

async function factsOf(sentinel: RedisServer): Promise<Record<string, string>> {
  const pairs = (await sentinel.command('SENTINEL', 'MASTER', name)) as string[]
  return Object.fromEntries(
    Array.from({ length: pairs.length / 2 }, (_, at) => [pairs[2 * at], pairs[2 * at + 1]]),
  )
}

async function allFollow(primary: RedisServer, replicas: readonly RedisServer[]): Promise<boolean> {
  const lines = String(await primary.command('INFO', 'replication')).match(/state=online/g) ?? []
  if (lines.length < replicas.length) return false
  const links = await Promise.all(
    replicas.map((replica) => replica.command('INFO', 'replication').catch(() => '')),
  )
  return links.every((info) => String(info).includes('master_link_status:up'))
}
