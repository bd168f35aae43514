import { setTimeout as sleep } from 'node:timers/promises'
import {
  type Changed,
  changePrimaryIn,
  cutReplicas,
  watchStalls,
} from '@holdfast/lab/primary-changes'
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
      return { cluster, open }
    }

    const expectGoodFailover = (told: Told, { failedAt, promotedAt }: Changed) => {
      expect(told.failedWraps).toBe(0)
      expect(told.ownStale).toBe(0)
      // Claims of a holder whose store went are waited for as those of a holder that died.
      expect(told.slowestWrapMs).toBeLessThan(1_200 + 250 + told.lagMs)
      expect(firstAfter(promotedAt, told.writtenAt)).toBeLessThan(2_000 + told.lagMs)
      expect(
        firstAfter(
          promotedAt,
          told.stored.map(({ at }) => at),
        ),
      ).toBeLessThan(2_000 + told.lagMs)
      const [first = failedAt, last = failedAt] = [told.staleAt[0], told.staleAt.at(-1)]
      expect(first).toBeGreaterThanOrEqual(failedAt)
      expect(last).toBeLessThan(promotedAt + 5_000)
    }

    test('that moves slots: no wrap fails, nothing stale is read, and the map is asked for at most once a second', async () => {
      const { cluster, open } = await startCluster()
      const [from, to] = cluster.primaries as [RedisServer, RedisServer]
      // A machine that is busy with other tests must not be taken for a server that does not answer.
      const traffic = await startTraffic(() => open({ commandTimeout: 20_000 }), {
        storeTimeout: '5s',
      })
      // Those that hold what is read and written meanwhile.
      const keys = (await from.command('KEYS', '*')) as string[]
      const slots = [...new Set(await Promise.all(keys.map(cluster.slotOf)))]
      expect(slots.length).toBeGreaterThan(40)
      await Promise.all(cluster.nodes.map((node) => node.command('CONFIG', 'RESETSTAT')))
      const since = performance.now()
      const stalls = watchStalls([from, to])
      await cluster.moveSlots(slots, from, to)
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

    test('whose primary is killed after it lost its replica: what was deleted is gone 5 s after the promotion', async () => {
      const { cluster, open } = await startCluster()
      const primary = cluster.primaries[0]!
      const traffic = await startTraffic(() => open())
      await sleep(500)
      const isCut = await cutReplicas(primary)
      await traffic.changeOnce()
      expect(await isCut()).toBe(true)
      const changed = await changePrimaryIn(cluster, primary, 'killed')
      await sleep(6_000)
      expectGoodFailover(await traffic.stop(), changed)
    })

    test('whose primary is stopped', async () => {
      const { cluster, open } = await startCluster()
      const primary = cluster.primaries[0]!
      const traffic = await startTraffic(() => open())
      await sleep(500)
      const changed = await changePrimaryIn(cluster, primary, 'stopped')
      await sleep(2_500)
      const told = await traffic.stop()
      await changed.heal()
      expectGoodFailover(told, changed)
    })

    test('whose primary changes places with its replica, as for maintenance', async () => {
      const { cluster, open } = await startCluster()
      const primary = cluster.primaries[0]!
      const traffic = await startTraffic(() => open())
      await sleep(500)
      const changed = await changePrimaryIn(cluster, primary, 'planned')
      await sleep(1_000)
      const told = await traffic.stop()
      expectGoodFailover(told, changed)
      expect(told.staleAt).toEqual([])
      // The servers see to it that nothing is lost.
      const store = open()
      const lost = []
      for (const { name } of told.stored) if ((await store.get(name)) === undefined) lost.push(name)
      expect(lost).toEqual([])
      await store.close()
    })
  },
)
