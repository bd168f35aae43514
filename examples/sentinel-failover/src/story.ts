import { setTimeout as sleep } from 'node:timers/promises'
import { createCache } from '@holdfast/core'
import { startSentinelGroup } from '@holdfast/lab/redis-sentinel'
import { redisStore } from '@holdfast/redis'

/** What happened, in numbers. */
export interface Told {
  readonly requests: number
  readonly failedRequests: number
  readonly writesResumedAfterMs: number
  readonly oldAnswersAtTheEnd: number
}

const prices = 40

/**
 * Starts a primary, two replicas and three sentinels, and kills the primary under a service that goes on.
 * `storeTimeout` in milliseconds: the library's default, unless a test on a busy machine waits longer.
 */
export async function tell(say: (line: string) => void, storeTimeout = 200): Promise<Told> {
  say('Starting a primary, two replicas and three sentinels …')
  const group = await startSentinelGroup()

  // The three lines that matter: where the sentinels are, and what they call the primary.
  const store = redisStore({ sentinels: [...group.addresses], name: group.name })
  const cache = createCache({ name: 'prices', store, memory: false, resilience: { storeTimeout } })
  cache.on('error', () => {})

  const database = new Map(Array.from({ length: prices }, (_, id) => [`price:${id}`, 100]))
  let [requests, failedRequests] = [0, 0]
  const writtenAt: number[] = []
  const ask = async (id: string) => {
    requests++
    try {
      return await cache.wrap(id, () => database.get(id)!)
    } catch {
      failedRequests++
      return undefined
    }
  }
  const ids = [...database.keys()]
  let isOn = true
  const service = (async () => {
    for (let turn = 0; isOn; turn++) {
      void ask(ids[turn % prices]!)
      if (turn % 4 === 0) {
        cache.set(`visit:${turn}`, turn).then(
          () => writtenAt.push(performance.now()),
          () => undefined,
        )
      }
      await sleep(5)
    }
  })()

  try {
    await sleep(1_000)
    say(`A service asks for prices: ${requests} requests, ${failedRequests} failed`)

    const primary = await group.primary()
    // A price changes, and all say so; the last to know might be a replica.
    for (const id of ids) database.set(id, 200)
    await cache.delete(ids)
    const killedAt = performance.now()
    await primary.kill()
    say('All prices change, and the primary is killed:')

    const promotedAt = await group.promotedAfter(primary)
    say(`  the sentinels have promoted a replica after ${Math.round(promotedAt - killedAt)} ms`)
    while (!writtenAt.some((at) => at > promotedAt)) await sleep(10)
    const resumedAt = writtenAt.find((at) => at > promotedAt)!
    const writesResumedAfterMs = Math.round(resumedAt - promotedAt)
    say(`  the cache writes to it ${writesResumedAfterMs} ms later`)

    await sleep(1_000)
    isOn = false
    await service
    const last = await Promise.all(ids.map(ask))
    const oldAnswersAtTheEnd = last.filter((price) => price !== 200).length
    say(
      `  ${requests} requests in all, ${failedRequests} failed, ${oldAnswersAtTheEnd} old prices at the end`,
    )
    return { requests, failedRequests, writesResumedAfterMs, oldAnswersAtTheEnd }
  } finally {
    isOn = false
    await service
    await cache.close()
    await store.close()
    await group.stop()
  }
}
