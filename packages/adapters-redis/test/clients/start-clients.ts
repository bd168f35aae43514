import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { type ClientProcess, startProcesses } from '@holdfast/lab/client-process'
import { startRedisCluster } from '@holdfast/lab/redis-cluster'
import { type RedisEngine, startRedis } from '@holdfast/lab/redis-server'
import type { ClientSettings } from './client-answers.ts'

const client = new URL('./cache-client.ts', import.meta.url)

/** What the processes of a story share. */
export interface Shared {
  /** Where it is, as the settings of a client say. */
  readonly at: Pick<ClientSettings, 'host' | 'port' | 'cluster' | 'namespace'>
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
    return { at, stop: async () => undefined }
  }
  if (kind === 'redis' || kind === 'valkey') {
    const server = await startRedis({ engine: kind })
    return { at: { port: server.port }, stop: () => server.stop() }
  }
  const engine = kind === 'a cluster of redis' ? 'redis' : 'valkey'
  const cluster = await startRedisCluster({ engine })
  return { at: { cluster: cluster.addresses }, stop: () => cluster.stop() }
}

/** So long after its first call a cache is connected, and has been heard on the bus. */
const settledMs = 200

/** Processes with a cache each, connected and listening to each other. */
export async function startClients(
  count: number,
  settings: ClientSettings,
): Promise<ClientProcess[]> {
  const started = await startProcesses(count, client, { args: [JSON.stringify(settings)] })
  await Promise.all(started.map((each) => each.call('get', 'warm-up')))
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
