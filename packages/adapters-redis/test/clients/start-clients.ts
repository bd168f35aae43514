import { setTimeout as sleep } from 'node:timers/promises'
import { type ClientProcess, startProcesses } from '@holdfast/lab/client-process'
import { startRedisCluster } from '@holdfast/lab/redis-cluster'
import { type RedisEngine, startRedis } from '@holdfast/lab/redis-server'
import type { ClientSettings } from './client-answers.ts'

const client = new URL('./cache-client.ts', import.meta.url)

/** What the processes of a story share. */
export interface Shared {
  /** Where it is, as the settings of a client say. */
  readonly at: Pick<ClientSettings, 'port' | 'cluster'>
  stop(): Promise<void>
}

export type SharedKind = RedisEngine | `a cluster of ${RedisEngine}`

export async function startShared(kind: SharedKind): Promise<Shared> {
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
