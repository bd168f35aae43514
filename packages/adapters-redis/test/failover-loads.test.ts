import { badDays } from '@holdfast/lab/bad-days'
import { clusterStage, sentinelStage } from '@holdfast/lab/play-bad-day'
import { startRedisCluster } from '@holdfast/lab/redis-cluster'
import { startSentinelGroup } from '@holdfast/lab/redis-sentinel'
import { describe, onTestFinished, test } from 'vitest'
import { slotOf } from '../src/hash-slot.ts'
import { killInLoad, type LoadStory, moveInLoad, replaceInLoad } from './load-under-way.ts'

type Engine = 'redis' | 'valkey'

const starts = {
  async sentinels(engine: Engine): Promise<LoadStory> {
    const group = await startSentinelGroup({ engine })
    onTestFinished(() => group.stop())
    return {
      at: { sentinels: { at: group.addresses, name: group.name } },
      stage: sentinelStage(group, group.servers[0]!),
      servers: group.servers,
      keyAt: (name) => name,
    }
  },
  /** The primary of the keys is the one that goes; the others go on. */
  async 'a cluster'(engine: Engine): Promise<LoadStory> {
    const cluster = await startRedisCluster({ engine })
    onTestFinished(() => cluster.stop())
    const [from, to] = [5_462, 10_923]
    return {
      at: { cluster: cluster.addresses },
      stage: clusterStage(cluster, cluster.primaries[1]!),
      servers: cluster.nodes,
      keyAt(name) {
        for (let index = 0; ; index++) {
          const slot = slotOf(`default:${name}-${index}`)
          if (from <= slot && slot <= to) return `${name}-${index}`
        }
      },
    }
  },
}

describe.each(['sentinels', 'a cluster'] as const)('processes over %s', (kind) => {
  describe.each(['redis', 'valkey'] as const)('of %s', (engine) => {
    const { primaryKilledInLoad, primaryPlannedInLoad } = badDays

    test(`${primaryKilledInLoad.title}: a lost claim costs one load, and never a stale value`, async () => {
      await killInLoad(await starts[kind](engine))
    }, 90_000)

    test(`${primaryPlannedInLoad.title}: 4 processes load it once more at most`, async () => {
      await replaceInLoad(await starts[kind](engine))
    }, 90_000)
  })
})

describe.each(['redis', 'valkey'] as const)('processes over a cluster of %s', (engine) => {
  const { slotsMove } = badDays

  test(`${slotsMove.title}: 4 processes load a key once more at most, and a delete voids the load`, async () => {
    await moveInLoad(await starts['a cluster'](engine))
  }, 90_000)
})
