import { beside } from './beside.ts'
import type { RedisCluster } from './redis-cluster.ts'
import type { SentinelGroup } from './redis-sentinel.ts'
import type { RedisServer } from './redis-server.ts'
import { until } from './until.ts'

/** How a primary comes to be replaced. */
export type PrimaryChange = 'killed' | 'stopped' | 'planned'

/** When it happened, in milliseconds of `performance.now()`. */
export interface Changed {
  readonly failedAt: number
  /** When a replica said that it is the primary now. */
  readonly promotedAt: number
  /** Wakes or starts again what was stopped or killed. */
  heal(): Promise<void>
}

/** Has the primary of a Sentinel group replaced. */
export function changePrimaryOf(
  group: SentinelGroup,
  primary: RedisServer,
  how: PrimaryChange,
): Promise<Changed> {
  return change(
    primary,
    how,
    () => group.failOver(),
    () => group.promotedAfter(primary),
  )
}

/** Has a primary of a cluster replaced by its replica. */
export function changePrimaryIn(
  cluster: RedisCluster,
  primary: RedisServer,
  how: PrimaryChange,
): Promise<Changed> {
  const replica = cluster.replicaOf(primary)
  const askFor = async () => {
    await replica.command('CLUSTER', 'FAILOVER')
  }
  const isPromoted = async () =>
    String(await replica.command('INFO', 'replication')).includes('role:master')
  return change(primary, how, askFor, async () => {
    for (let tries = 1; ; tries++) {
      try {
        await until('the replica is promoted', isPromoted, how === 'planned' ? 7_000 : 20_000)
        return performance.now()
      } catch (error) {
        // Servers that a busy machine keeps from agreeing within 5 s give up what they were asked for.
        if (how !== 'planned' || tries === 3) throw error
        await askFor()
      }
    }
  })
}

async function change(
  primary: RedisServer,
  how: PrimaryChange,
  askFor: () => Promise<void>,
  promotion: () => Promise<number>,
): Promise<Changed> {
  const failedAt = performance.now()
  if (how === 'killed') await primary.kill()
  else if (how === 'stopped') primary.pause()
  else await askFor()
  return {
    failedAt,
    promotedAt: await promotion(),
    async heal() {
      if (how === 'killed') await primary.restart()
      else if (how === 'stopped') primary.resume()
    },
  }
}

/**
 * Keeps a primary's replicas from following it, as a broken link does, without its clients noticing; the answer says
 * whether it is so. What it acknowledges from then on is lost with it.
 */
export async function cutReplicas(primary: RedisServer): Promise<() => Promise<boolean>> {
  await primary.command('ACL', 'SETUSER', 'default', '-psync', '-sync')
  await primary.command('CLIENT', 'KILL', 'TYPE', 'replica')
  return async () => String(await primary.command('INFO', 'replication')).includes('_slaves:0')
}

/**
 * The longest that any of these servers took to answer a PING of its own socket, while nothing was wrong but that the
 * machine had other work: what a client may be late by, and not by itself.
 */
export function watchStalls(servers: readonly RedisServer[]): () => Promise<number> {
  let longestMs = 0
  const watch = async (server: RedisServer, isOn: () => boolean) => {
    while (isOn()) {
      const at = performance.now()
      await server.command('PING')
      longestMs = Math.max(longestMs, performance.now() - at)
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  }
  const stop = beside((isOn) => Promise.all(servers.map((server) => watch(server, isOn))))
  return async () => {
    await stop()
    return longestMs
  }
}
