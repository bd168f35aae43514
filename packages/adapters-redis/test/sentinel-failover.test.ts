import { setTimeout as sleep } from 'node:timers/promises'
import { type SentinelGroup, startSentinelGroup } from '@holdfast/lab/redis-sentinel'
import type { RedisServer } from '@holdfast/lab/redis-server'
import { describe, expect, onTestFinished, test } from 'vitest'
import { redisStore } from '../src/index.ts'
import { cutReplicas, firstAfter, startTraffic, type Told } from './failover-traffic.ts'

describe.each(['redis', 'valkey'] as const)('sentinels of %s under load', (engine) => {
  /** Each story has a group of its own: sentinels refuse a second failover for a while after one. */
  async function start() {
    const group = await startSentinelGroup({ engine })
    onTestFinished(() => group.stop())
    const open = () => redisStore({ sentinels: [...group.addresses], name: group.name })
    return { group, primary: group.servers[0]!, open }
  }
  const expectGoodFailover = (told: Told, failedAt: number, promotedAt: number) => {
    expect(told.failedWraps).toBe(0)
    expect(told.ownStale).toBe(0)
    expect(told.slowestWrapMs).toBeLessThan(1_200 + 250 + told.lagMs)
    const storedAt = told.stored.map(({ at }) => at)
    expect(firstAfter(promotedAt, told.writtenAt)).toBeLessThan(2_000 + told.lagMs)
    expect(firstAfter(promotedAt, storedAt)).toBeLessThan(2_000 + told.lagMs)
    const [first = failedAt, last = failedAt] = [told.staleAt[0], told.staleAt.at(-1)]
    expect(first).toBeGreaterThanOrEqual(failedAt)
    expect(last).toBeLessThan(promotedAt + 5_000)
  }
  /** For how long writes were acknowledged that the new primary does not have. */
  const lostSpan = async (told: Told, group: SentinelGroup) => {
    const store = redisStore({ sentinels: [...group.addresses], name: group.name })
    const names = told.stored.map(({ name }) => name)
    while ((await store.get(names.at(-1)!).catch(() => undefined)) === undefined) await sleep(20)
    const there = await store.getMany(names)
    await store.close()
    const lost = told.stored.filter((_, index) => there[index] === undefined)
    return { lost: lost.length, ms: lost.length === 0 ? 0 : lost.at(-1)!.at - lost[0]!.at }
  }

  test('whose primary is killed after it lost its replicas: what was deleted is gone 5 s after the promotion', async () => {
    const { group, primary, open } = await start()
    const traffic = await startTraffic(open)
    await sleep(500)
    const isCut = await cutReplicas(primary)
    await traffic.changeOnce()
    expect(await isCut()).toBe(true)
    const failedAt = performance.now()
    await primary.kill()
    const promotedAt = await group.promotedAfter(primary)
    await sleep(6_000)
    const told = await traffic.stop()
    expectGoodFailover(told, failedAt, promotedAt)
  })

  test('whose primary is stopped', async () => {
    const { group, primary, open } = await start()
    const traffic = await startTraffic(open)
    await sleep(500)
    const failedAt = performance.now()
    primary.pause()
    const promotedAt = await group.promotedAfter(primary)
    await sleep(2_500)
    const told = await traffic.stop()
    primary.resume()
    expectGoodFailover(told, failedAt, promotedAt)
  })

  test('whose primary is changed as for maintenance: at most 1.2 s of acknowledged writes are lost', async () => {
    const { group, primary, open } = await start()
    const traffic = await startTraffic(open)
    await sleep(500)
    const failedAt = performance.now()
    await group.failOver()
    const promotedAt = await group.promotedAfter(primary as RedisServer)
    await sleep(3_000)
    const told = await traffic.stop()
    expectGoodFailover(told, failedAt, promotedAt)
    const { ms } = await lostSpan(told, group)
    expect(ms).toBeLessThan(1_200 + told.lagMs)
  })
})
