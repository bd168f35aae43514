import { apiKey, type Cache, type EntryOptions } from '@holdfast/core'
import express, { type Express } from 'express'
import type { ProductTable } from './products.ts'

/** How long each endpoint's answers are good for: one table instead of a number in every route. */
export const policies: Record<string, EntryOptions> = {
  'api:products:detail:*': { ttl: '5m', staleIfError: '1h', nullTtl: '10s' },
  'api:products:list:*': { ttl: '1m', staleWhileRevalidate: '5m' },
}

const detailKey = (id: string) => apiKey('products', 'detail', id)
const listKey = (category: string) => apiKey('products', 'list', { category })
const listTag = (category: string) => `products:${category}`

export function createApp(cache: Cache, table: ProductTable): Express {
  const app = express()
  app.use(express.json())

  app.get('/products/:id', async (request, response) => {
    const { id } = request.params
    const product = await cache.wrap(detailKey(id), () => table.find(id))
    if (product === null) response.status(404).json({ error: `no product ${id}` })
    else response.json(product)
  })

  app.get('/categories/:category', async (request, response) => {
    const { category } = request.params
    const options = { tags: [listTag(category)] }
    response.json(await cache.wrap(listKey(category), () => table.list(category), options))
  })

  // Write first, then invalidate: who reads after this answer sees the new price, and a load that was
  // under way while the row changed is not kept.
  app.put('/products/:id/price', async (request, response) => {
    const { id } = request.params
    const priceCents: unknown = request.body?.priceCents
    if (!Number.isInteger(priceCents)) {
      response.status(400).json({ error: 'priceCents must be a whole number' })
      return
    }
    const product = await table.setPrice(id, Number(priceCents))
    if (product === null) {
      response.status(404).json({ error: `no product ${id}` })
      return
    }
    await cache.delete(detailKey(id))
    await cache.invalidateTags([listTag(product.category)])
    response.json(product)
  })

  // For the people who run the service: put your own authorization in front of it.
  app.get('/explain/:key', async (request, response) => {
    response.json(await cache.explain(request.params.key))
  })

  return app
}
