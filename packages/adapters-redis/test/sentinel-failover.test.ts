import { setTimeout as sleep } from 'node:timers/promises'
import { badDays } from '@holdfast/lab/bad-days'
import { play, sentinelStage } from '@holdfast/lab/play-bad-day'
import type { Changed } from '@holdfast/lab/primary-changes'
import { type SentinelGroup, startSentinelGroup } from '@holdfast/lab/redis-sentinel'
import { describe, expect, type TestContext, test } from 'vitest'
import { redisStore } from '../src/index.ts'
import { firstAfter, startTraffic, type Told } from './failover-traffic.ts'

describe.each(['redis', 'valkey'] as const)('sentinels of %s under load', (engine) => {
  /** Each story has a group of its own: sentinels refuse a second failover for a while after one. */
  async function start({ onTestFinished }: TestContext) {
    const group = await startSentinelGroup({ engine })
    onTestFinished(() => group.stop())
    const open = () => redisStore({ sentinels: [...group.addresses], name: group.name })
    return { group, stage: sentinelStage(group, group.servers[0]!), open }
  }
  const expectGoodFailover = (told: Told, { failedAt, promotedAt }: Changed) => {
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

  const { primaryKilled, primaryStopped, primaryPlanned } = badDays

  test.concurrent(`${primaryKilled.title}: what was deleted is gone 5 s after the promotion`, async (context) => {
    const { stage, open } = await start(context)
    const traffic = await startTraffic(open)
    const { replaced } = await play(primaryKilled, stage, { delete: () => traffic.changeOnce() })
    expectGoodFailover(await traffic.stop(), replaced!)
  })

  test.concurrent(`${primaryStopped.title}: writes go on 2 s after the promotion`, async (context) => {
    const { stage, open } = await start(context)
    const traffic = await startTraffic(open)
    const { replaced, heal } = await play(primaryStopped, stage, {})
    const told = await traffic.stop()
    await heal()
    expectGoodFailover(told, replaced!)
  })

  test.concurrent(`${primaryPlanned.title}: at most 1.2 s of acknowledged writes are lost`, async (context) => {
    const { group, stage, open } = await start(context)
    const traffic = await startTraffic(open)
    const { replaced } = await play(primaryPlanned, stage, {})
    const told = await traffic.stop()
    expectGoodFailover(told, replaced!)
    const { ms } = await lostSpan(told, group)
    expect(ms).toBeLessThan(1_200 + told.lagMs)
  })
})
