import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { type ClientProcess, startProcesses } from '@holdfast/lab/client-process'
import { watchStalls } from '@holdfast/lab/primary-changes'
import { startRedisCluster } from '@holdfast/lab/redis-cluster'
import { type RedisEngine, type RedisServer, startRedis } from '@holdfast/lab/redis-server'
import { until } from '@holdfast/lab/until'
import type { ClientSettings } from './client-answers.ts'

const client = new URL('./cache-client.ts', import.meta.url)

/** What the processes of a story share. */
export interface Shared {
  /** Where it is, as the settings of a client say. */
  readonly at: Pick<ClientSettings, 'host' | 'port' | 'cluster' | 'namespace'>
  /** Those that were started for it and take writes. */
  readonly servers: readonly RedisServer[]
  stop(): Promise<void>
}

/** A Dragonfly that the environment names, `redis://host:port`. It is not started here, and keeps what others have in it. */
export const dragonflyUrls: readonly string[] =
  process.env.DRAGONFLY_URL === undefined ? [] : [process.env.DRAGONFLY_URL]

type SharedKind = RedisEngine | `a cluster of ${RedisEngine}` | 'a Dragonfly'

/** One server, two kinds of it, and whatever else is at hand. */
export const sharedKinds = (
  ...clusters: `a cluster of ${RedisEngine}`[]
): readonly SharedKind[] => [
  ...(['redis', 'valkey'] as const),
  ...clusters,
  ...dragonflyUrls.map(() => 'a Dragonfly' as const),
]

export async function startShared(kind: SharedKind): Promise<Shared> {
  if (kind === 'a Dragonfly') {
    const { hostname: host, port } = new URL(dragonflyUrls[0]!)
    const at = { host, port: Number(port || 6_379), namespace: randomUUID() }
    return { at, servers: [], stop: async () => undefined }
  }
  if (kind === 'redis' || kind === 'valkey') {
    const server = await startRedis({ engine: kind })
    return { at: { port: server.port }, servers: [server], stop: () => server.stop() }
  }
  const engine = kind === 'a cluster of redis' ? 'redis' : 'valkey'
  const cluster = await startRedisCluster({ engine })
  return {
    at: { cluster: cluster.addresses },
    servers: cluster.primaries,
    stop: () => cluster.stop(),
  }
}

/** So long after its first call a cache has been heard on the bus. */
const settledMs = 200
/** So many names have slots of every node. */
const names = Array.from({ length: 24 }, (_, index) => `warm-up-${index}`)

/** Processes with a cache each, connected to whoever has their keys, and listening to each other. */
export async function startClients(
  count: number,
  settings: ClientSettings,
): Promise<ClientProcess[]> {
  const started = await startProcesses(count, client, { args: [JSON.stringify(settings)] })
  const asked = settings.cluster === undefined ? names.slice(0, 1) : names
  // A set that does not reach the store is reported, and a first connection takes longer than a call waits for it.
  const isConnected = (each: ClientProcess) =>
    Promise.all(asked.map((name) => each.call('set', name, 0, { ttl: 1 }))).then(
      () => true,
      () => false,
    )
  await Promise.all(
    started.map((each) => until('a process is connected', () => isConnected(each), 30_000)),
  )
  await sleep(settledMs)
  return started
}

export function stopClients(clients: readonly ClientProcess[]): Promise<unknown> {
  return Promise.all(clients.map((each) => each.stop()))
}

/** Resolves when the process has called its loader for the key. */
export function loading(client: ClientProcess, key: string): Promise<void> {
  return new Promise((resolve) => {
    client.on('loading', (loaded) => loaded === key && resolve())
  })
}

/** A claim whose holder has said nothing for a second is free: so much of it a crowded machine may take, and no more. */
export const forgivenStallMs = 500

/** The longest that any of these processes and servers was kept from running, from now until the answer is called. */
export async function watchAll(
  clients: readonly ClientProcess[],
  servers: readonly RedisServer[],
): Promise<() => Promise<number>> {
  const lags = () => Promise.all(clients.map((each) => each.call<number>('lagMs')))
  await lags()
  const stop = watchStalls(servers)
  return async () => Math.max(await stop(), ...(await lags()))
}
