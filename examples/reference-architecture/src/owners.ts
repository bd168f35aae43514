import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { publishInvalidation } from '@holdfast/core'
import { until } from '@holdfast/lab/until'
import { redisBus } from '@holdfast/redis'
import { type Addresses, channel } from './addresses.ts'
import { keys, listTag, type Product } from './services.ts'

export const categories = ['rope', 'tool', 'sail']
export const productIds = categories.flatMap((category) =>
  Array.from({ length: 20 }, (_, index) => `${category}-${index + 1}`),
)

/** The services behind the shop, which own products and users: slow, and counted. */
export interface Owners {
  readonly base: string
  /** The calls since this was last asked, by path. */
  calls(): ReadonlyMap<string, number>
  /** Waits until a path has been called so often since then. */
  asked(path: string, times: number): Promise<void>
  /** Changes a price, says so on the channel when it is done, and resolves what it said. */
  changePrice(id: string, cents: number): Promise<string>
  /** What the price is, whatever anybody keeps. */
  priceOf(id: string): number | undefined
  /** The connection that events go out by. */
  connectEvents(addresses: Pick<Addresses, 'sentinels' | 'primaryName'>): void
  close(): Promise<void>
}

export async function startOwners(): Promise<Owners> {
  const products = new Map<string, Product>(
    productIds.map((id) => [id, { id, category: id.split('-')[0] ?? '', cents: 1_000 }]),
  )
  let counts = new Map<string, number>()
  let bus: ReturnType<typeof redisBus> | undefined

  const answers: Record<string, (id: string) => unknown> = {
    products: (id) => products.get(id),
    categories: (id) => [...products.values()].filter(({ category }) => category === id),
    users: (id) => ({ id, name: `Visitor ${id}` }),
    stock: () => ({ left: 7 }),
  }
  const server = createServer(async ({ url = '' }, response) => {
    counts.set(url, (counts.get(url) ?? 0) + 1)
    await sleep(url.startsWith('/stock') ? 60 : 25)
    const [, what = '', id = ''] = url.split('/')
    const found = answers[what]?.(id)
    response.writeHead(found === undefined ? 404 : 200).end(JSON.stringify(found))
  })
  await listening(server)
  return {
    base: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls() {
      const before = counts
      counts = new Map()
      return before
    },
    asked: (path, times) => until(`${path} is asked`, () => (counts.get(path) ?? 0) >= times),
    async changePrice(id, cents) {
      const product = products.get(id)
      if (product === undefined || bus === undefined) throw new Error(`nobody can change ${id}`)
      products.set(id, { ...product, cents })
      // Afterwards: what is loaded before it would be the old price again.
      const event = { keys: [keys.detail(id)], tags: [listTag(product.category)] }
      await publishInvalidation(bus, event)
      return JSON.stringify({ v: 1, ...event })
    },
    priceOf: (id) => products.get(id)?.cents,
    connectEvents({ sentinels, primaryName }) {
      bus = redisBus({ sentinels: [...sentinels], name: primaryName }, { channel })
    },
    async close() {
      await bus?.close()
      server.close()
      server.closeAllConnections()
    },
  }
}

function listening(server: Server): Promise<void> {
  return new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
}
