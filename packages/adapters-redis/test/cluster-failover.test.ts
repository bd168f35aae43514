import { badDays } from '@holdfast/lab/bad-days'
import { clusterStage, play } from '@holdfast/lab/play-bad-day'
import { type Changed, watchStalls } from '@holdfast/lab/primary-changes'
import { startRedisCluster } from '@holdfast/lab/redis-cluster'
import type { RedisServer } from '@holdfast/lab/redis-server'
import { describe, expect, onTestFinished, test } from 'vitest'
import { redisStore } from '../src/index.ts'
import { firstAfter, startTraffic, type Told } from './failover-traffic.ts'

// Each story has a cluster of its own: what one did to its servers is none of the next one's business.
describe.each(['redis', 'valkey'] as const)(
  'a cluster of %s under load',
  { timeout: 60_000 },
  (engine) => {
    async function startCluster() {
      const cluster = await startRedisCluster({ engine })
      onTestFinished(() => cluster.stop())
      const open = (options = {}) => redisStore({ cluster: cluster.addresses, ...options })
      const primary = cluster.primaries[0]!
      const others = cluster.nodes.filter((node) => node !== primary)
      return { cluster, open, others, stage: clusterStage(cluster, primary) }
    }

    /** @param stallMs what the servers that are well kept somebody waiting for, as the machine had other work. */
    const expectGoodFailover = (told: Told, { failedAt, promotedAt }: Changed, stallMs: number) => {
      expect(told.failedWraps).toBe(0)
      expect(told.ownStale).toBe(0)
      // Claims of a holder whose store went are waited for as those of a holder that died.
      expect(told.slowestWrapMs).toBeLessThan(1_200 + 250 + told.lagMs + stallMs)
      expect(firstAfter(promotedAt, told.writtenAt)).toBeLessThan(2_000 + told.lagMs + stallMs)
      expect(
        firstAfter(
          promotedAt,
          told.stored.map(({ at }) => at),
        ),
      ).toBeLessThan(2_000 + told.lagMs + stallMs)
      const [first = failedAt, last = failedAt] = [told.staleAt[0], told.staleAt.at(-1)]
      expect(first).toBeGreaterThanOrEqual(failedAt)
      expect(last).toBeLessThan(promotedAt + 5_000)
    }

    const { slotsMove, primaryKilled, primaryStopped, primaryPlanned } = badDays

    test(`${slotsMove.title}: no wrap fails, nothing stale is read, and the map is asked for at most once a second`, async () => {
      const { cluster, open, stage } = await startCluster()
      const [from, to] = cluster.primaries as [RedisServer, RedisServer]
      // A machine that is busy with other tests must not be taken for a server that does not answer.
      const traffic = await startTraffic(() => open({ commandTimeout: 20_000 }), {
        storeTimeout: '5s',
      })
      expect((await from.command('DBSIZE')) as number).toBeGreaterThan(40)
      await Promise.all(cluster.nodes.map((node) => node.command('CONFIG', 'RESETSTAT')))
      const since = performance.now()
      const stalls = watchStalls([from, to])
      await play(slotsMove, stage, {})
      const stallMs = await stalls()
      const seconds = (performance.now() - since) / 1_000
      const counts = await Promise.all(cluster.nodes.map((node) => node.commandCounts()))
      const told = await traffic.stop()
      expect(told.failedWraps).toBe(0)
      expect(told.staleAt).toEqual([])
      expect(told.ownStale).toBe(0)
      expect(told.troubles).toEqual([])
      expect(told.reportedDeletes).toEqual([])
      expect(told.slowestWrapMs).toBeLessThan(200 + told.lagMs + stallMs)
      const asked = counts.reduce((sum, each) => sum + (each['cluster|slots'] ?? 0), 0)
      // Three stores, and each may just have asked.
      expect(asked).toBeLessThanOrEqual(3 * (1 + seconds / 0.75))
    })

    test(`${primaryKilled.title}: what was deleted is gone 5 s after the promotion`, async () => {
      const { open, others, stage } = await startCluster()
      const traffic = await startTraffic(() => open())
      const stalls = watchStalls(others)
      const { replaced } = await play(primaryKilled, stage, { delete: () => traffic.changeOnce() })
      expectGoodFailover(await traffic.stop(), replaced!, await stalls())
    })

    test(`${primaryStopped.title}: writes go on 2 s after the promotion`, async () => {
      const { open, others, stage } = await startCluster()
      const traffic = await startTraffic(() => open())
      const stalls = watchStalls(others)
      const { replaced, heal } = await play(primaryStopped, stage, {})
      const told = await traffic.stop()
      await heal()
      expectGoodFailover(told, replaced!, await stalls())
    })

    test(`${primaryPlanned.title}: no read is stale, and no acknowledged write is lost`, async () => {
      const { open, others, stage } = await startCluster()
      const traffic = await startTraffic(() => open())
      const stalls = watchStalls(others)
      const { replaced } = await play(primaryPlanned, stage, {})
      const told = await traffic.stop()
      expectGoodFailover(told, replaced!, await stalls())
      expect(told.staleAt).toEqual([])
      // The servers see to it that nothing is lost.
      const store = open({ commandTimeout: 20_000 })
      const lost = []
      for (const { name } of told.stored) if ((await store.get(name)) === undefined) lost.push(name)
      expect(lost).toEqual([])
      await store.close()
    })
  },
)
