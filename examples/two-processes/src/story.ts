import { setTimeout as sleep } from 'node:timers/promises'
import { type ClientProcess, startProcesses } from '@holdfast/lab/client-process'
import { startRedis } from '@holdfast/lab/redis-server'

export const processes = 8
export const requestsEach = 25

/** What happened, in numbers. */
export interface Told {
  readonly requests: number
  readonly queriesWhenCold: number
  readonly differentAnswers: number
  readonly queriesAfterChange: number
  readonly oldAnswersAfterChange: number
  readonly failedWithoutRedis: number
  readonly queriesWithoutRedis: number
}

/** Starts a Redis and eight processes of the service, asks all of them at once, and looks at what they did. */
export async function tell(say: (line: string) => void): Promise<Told> {
  const redis = await startRedis()
  const services = await startProcesses(processes, new URL('./service.ts', import.meta.url), {
    args: [String(redis.port)],
  })
  try {
    // Each has its connection before it counts.
    await ask(services, 'a warm-up', 1)
    const queries = await countQueries(services)

    say(
      `${processes} processes, ${requestsEach} requests each, all at once, for a price nobody has asked for yet:`,
    )
    const first = await ask(services, 'rope', requestsEach)
    const queriesWhenCold = await queries()
    const differentAnswers = new Set(first).size
    say(
      `  ${first.length} requests, ${queriesWhenCold} database query, ${differentAnswers} answer: '${first[0]}'`,
    )

    say('The price changes, and one process says so:')
    await services[0]?.call('priceChanged', 'rope')
    // The memories of the others hear of it over the bus, within milliseconds.
    await sleep(100)
    const second = await ask(services, 'rope', requestsEach)
    const queriesAfterChange = await queries()
    const oldAnswersAfterChange = second.filter((answer) => answer === first[0]).length
    say(
      `  ${second.length} requests, ${queriesAfterChange} database query, ${oldAnswersAfterChange} old answers`,
    )

    say('Redis is killed:')
    await redis.kill()
    const third = await Promise.allSettled(
      services.map((each) => ask([each], 'anvil', requestsEach)),
    )
    const queriesWithoutRedis = await queries()
    const failedWithoutRedis = third.filter(({ status }) => status === 'rejected').length
    say(
      `  ${processes * requestsEach} requests, ${failedWithoutRedis} failed, ${queriesWithoutRedis} database queries: one in each process`,
    )
    return {
      requests: first.length,
      queriesWhenCold,
      differentAnswers,
      queriesAfterChange,
      oldAnswersAfterChange,
      failedWithoutRedis,
      queriesWithoutRedis,
    }
  } finally {
    await Promise.all(services.map((each) => each.stop()))
    await redis.stop()
  }
}

async function ask(services: readonly ClientProcess[], product: string, requests: number) {
  const answers = await Promise.all(
    services.map((each) => each.call<string[]>('ask', product, requests)),
  )
  return answers.flat()
}

/** The answer counts what was queried since it was last called. */
async function countQueries(services: readonly ClientProcess[]): Promise<() => Promise<number>> {
  const total = async () => {
    const counts = await Promise.all(services.map((each) => each.call<number>('queries')))
    return counts.reduce((sum, each) => sum + each, 0)
  }
  let before = await total()
  return async () => {
    const now = await total()
    const queries = now - before
    before = now
    return queries
  }
}
