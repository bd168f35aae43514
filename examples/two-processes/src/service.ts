import { setTimeout as sleep } from 'node:timers/promises'
import { createCache } from '@holdfast/core'
import { answer } from '@holdfast/lab/client-protocol'
import { redisStore } from '@holdfast/redis'

/*
 * One process of the service. The three lines that matter are the next three: a store makes the cache one over all
 * processes that use it. The rest lets src/main.ts ask it questions.
 */
const port = Number(process.argv[2])
const store = redisStore({ host: '127.0.0.1', port })
const prices = createCache({ name: 'prices', store })

let queries = 0

/** Stands for a database: slow, and counted. */
async function priceFromDatabase(product: string): Promise<string> {
  const query = ++queries
  await sleep(50)
  return `the price of ${product}, by query ${query} of process ${process.pid}`
}

const price = (product: string) => prices.wrap(product, () => priceFromDatabase(product))

answer({
  /** So many requests at once; what they were answered. */
  ask: (product: string, requests: number) =>
    Promise.all(Array.from({ length: requests }, () => price(product))),
  priceChanged: (product: string) => prices.delete(product),
  queries: () => queries,
  async close() {
    await prices.close()
    await store.close()
  },
})
