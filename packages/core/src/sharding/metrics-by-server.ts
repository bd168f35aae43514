import type { MetricsByServer, Store, StoreMetrics } from '../store/store.ts'
import type { ShardServer } from './shard-server.ts'

/** Whether a store tells anything of the servers behind it. */
export const tellsOfServers = (store: Store & Partial<MetricsByServer>): boolean =>
  store.metrics !== undefined || store.metricsByServer !== undefined

/**
 * What each of several stores tells of its servers, of those that answer. One that is itself over several servers names
 * each of them behind its own name, as `explain` does: a sum would hide the one that is full.
 * @throws what the first one failed with, where not one answers.
 */
export async function metricsOfEach(
  servers: readonly ShardServer[],
): Promise<ReadonlyMap<string, StoreMetrics>> {
  const all = await Promise.allSettled(
    servers
      .filter(({ store }) => tellsOfServers(store))
      .map(async (server) => {
        const told = await server.run('metrics', 0, metricsOf)
        return [...told].map(
          ([inner, own]) => [inner === '' ? server.name : `${server.name}: ${inner}`, own] as const,
        )
      }),
  )
  const answers = all.flatMap((one) => (one.status === 'fulfilled' ? one.value : []))
  const failed = all.find((one) => one.status === 'rejected')
  if (answers.length === 0 && failed !== undefined) throw failed.reason
  return new Map(answers)
}

/** By server, `''` where the store has one only. */
async function metricsOf(
  store: Store & Partial<MetricsByServer>,
): Promise<ReadonlyMap<string, StoreMetrics>> {
  return (await store.metricsByServer?.()) ?? new Map([['', await store.metrics!()]])
}
