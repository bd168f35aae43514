import { setTimeout as sleep } from 'node:timers/promises'
import { type Changed, changePrimaryOf, cutReplicas } from '@holdfast/lab/primary-changes'
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
    return { group, primary: group.servers[0]!, open }
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

  test.concurrent('whose primary is killed after it lost its replicas: what was deleted is gone 5 s after the promotion', async (context) => {
    const { group, primary, open } = await start(context)
    const traffic = await startTraffic(open)
    await sleep(500)
    const isCut = await cutReplicas(primary)
    await traffic.changeOnce()
    expect(await isCut()).toBe(true)
    const changed = await changePrimaryOf(group, primary, 'killed')
    await sleep(6_000)
    expectGoodFailover(await traffic.stop(), changed)
  })

  test.concurrent('whose primary is stopped', async (context) => {
    const { group, primary, open } = await start(context)
    const traffic = await startTraffic(open)
    await sleep(500)
    const changed = await changePrimaryOf(group, primary, 'stopped')
    await sleep(2_500)
    const told = await traffic.stop()
    await changed.heal()
    expectGoodFailover(told, changed)
  })

  test.concurrent('whose primary is changed as for maintenance: at most 1.2 s of acknowledged writes are lost', async (context) => {
    const { group, primary, open } = await start(context)
    const traffic = await startTraffic(open)
    await sleep(500)
    const changed = await changePrimaryOf(group, primary, 'planned')
    await sleep(3_000)
    const told = await traffic.stop()
    expectGoodFailover(told, changed)
    const { ms } = await lostSpan(told, group)
    expect(ms).toBeLessThan(1_200 + told.lagMs)
  })
})
