import { setTimeout as sleep } from 'node:timers/promises'
import { apiKey, createCache, invalidateOnEvents } from '@holdfast/core'
import { startMemcached } from '@holdfast/lab/memcached-server'
import { startRedis } from '@holdfast/lab/redis-server'
import { memcachedStore } from '@holdfast/memcached'
import { redisBus } from '@holdfast/redis'

const channel = 'invalidations'
const products = ['rope', 'anvil', 'rocket', 'magnet']

/** What happened, in numbers. */
export interface Told {
  readonly callsWhenCold: number
  readonly callsWhenKept: number
  readonly callsAfterKeys: number
  readonly callsAfterTag: number
  readonly oldAnswersAfterEvents: number
  readonly malformed: number
  readonly gaps: number
  readonly callsAfterGap: number
}

/** Answers of a slow API are kept in Memcached; whoever changes a price says so on a channel of Redis. */
export async function tell(say: (line: string) => void): Promise<Told> {
  const redis = await startRedis()
  const memcached = await startMemcached()
  const store = memcachedStore({ servers: [memcached.address] })
  // Every call asks Memcached, so that what is counted below is what Memcached has.
  const answers = createCache({ name: 'shop', store, memory: false })
  const bus = redisBus({ host: '127.0.0.1', port: redis.port }, { channel })
  const events = invalidateOnEvents(answers, bus, { onGap: 'clear' })

  let calls = 0
  const prices = new Map(products.map((name) => [name, 100]))
  const keyOf = (name: string) => apiKey('shop', 'price', { name })
  const ask = (name: string) =>
    answers.wrap(
      keyOf(name),
      () => {
        calls++
        return { name, cents: prices.get(name) }
      },
      { ttl: '7d', tags: ['prices'] },
    )
  /** The calls that it takes to ask for all, and the answers that are out of date. */
  const askAll = async () => {
    const before = calls
    const all = await Promise.all(products.map(ask))
    const old = all.filter(({ name, cents }) => cents !== prices.get(name)).length
    return { calls: calls - before, old }
  }
  /** What any program in any language does: a line of JSON, on a channel. */
  const publish = (json: string) => redis.command('PUBLISH', channel, json)
  const until = async (condition: () => boolean) => {
    while (!condition()) await sleep(5)
  }

  try {
    await until(() => events.health().status === 'up')
    // Its connection to Memcached is there before anything is counted.
    while ((await store.get('ready').catch(() => null)) === null) await sleep(5)

    const cold = await askAll()
    const kept = await askAll()
    say(`${products.length} answers, kept for 7 days: ${cold.calls} calls, then ${kept.calls}.`)

    prices.set('rope', 120)
    await publish(JSON.stringify({ v: 1, keys: [keyOf('rope')] }))
    await until(() => events.stats().keys === 1)
    const afterKeys = await askAll()
    say(
      `One price changes, and its key is published: ${afterKeys.calls} call, ${afterKeys.old} old.`,
    )

    for (const name of products) prices.set(name, 130)
    await publish('{"v":1,"tags":["prices"],"source":"the price list of today"}')
    await until(() => events.stats().tags === 1)
    const afterTag = await askAll()
    say(`All change, and their tag is published: ${afterTag.calls} calls, ${afterTag.old} old.`)

    await publish('prices changed!')
    await publish('{"v":2,"everything":true}')
    await until(() => events.stats().malformed === 2)
    say(`Nonsense on the channel: ${events.stats().malformed} counted, nothing else happens.`)

    await redis.command('CLIENT', 'KILL', 'TYPE', 'pubsub')
    await until(() => events.health().lastGapAt !== undefined)
    prices.set('rope', 140)
    await publish(JSON.stringify({ v: 1, keys: [keyOf('rope')] }))
    await until(() => events.stats().gaps === 1)
    // The gap is over, and what may have been missed is cleared.
    let afterGap = await askAll()
    while (afterGap.old > 0) afterGap = await askAll()
    say(
      `The subscription breaks while a price changes: ${events.stats().gaps} gap, and all is asked for again.`,
    )
    return {
      callsWhenCold: cold.calls,
      callsWhenKept: kept.calls,
      callsAfterKeys: afterKeys.calls,
      callsAfterTag: afterTag.calls,
      oldAnswersAfterEvents: afterKeys.old + afterTag.old,
      malformed: events.stats().malformed,
      gaps: events.stats().gaps,
      callsAfterGap: afterGap.calls,
    }
  } finally {
    await events.close()
    await bus.close()
    await answers.close()
    await store.close?.()
    await redis.stop()
    await memcached.stop()
  }
}
