import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { apiKey, createCache } from '@holdfast/core'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createApp, policies } from './app.ts'
import { type ProductTable, productTable } from './products.ts'

let table: ProductTable
let url: string
let close: () => Promise<void>

beforeEach(async () => {
  const cache = createCache({ policies })
  table = productTable()
  const server = createApp(cache, table).listen(0, '127.0.0.1')
  await once(server, 'listening')
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  close = async () => {
    server.close()
    server.closeAllConnections()
    await cache.close()
  }
})
afterEach(() => close())

async function get(path: string) {
  const response = await fetch(`${url}${path}`)
  const body = (await response.json()) as Record<string, unknown>
  return { status: response.status, body }
}

const setPrice = (id: string, priceCents: unknown) =>
  fetch(`${url}/products/${id}/price`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ priceCents }),
  })

describe('a cached route', () => {
  test('asks the table once, however often it is called', async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => get('/products/p1')))
    for (const { body } of answers) expect(body).toMatchObject({ id: 'p1', priceCents: 1_250 })
    await get('/products/p1')
    expect(table.queries).toBe(1)
  })

  test('remembers that a product does not exist', async () => {
    expect((await get('/products/none')).status).toBe(404)
    expect((await get('/products/none')).status).toBe(404)
    expect(table.queries).toBe(1)
  })
})

describe('after a price is set', () => {
  test('the product and the list of its category show it', async () => {
    await get('/products/p1')
    await get('/categories/rope')
    expect((await setPrice('p1', 1)).status).toBe(200)
    expect((await get('/products/p1')).body).toMatchObject({ priceCents: 1 })
    expect((await get('/categories/rope')).body).toContainEqual(
      expect.objectContaining({ id: 'p1', priceCents: 1 }),
    )
  })

  test('what it does not concern stays remembered', async () => {
    await get('/products/p3')
    await get('/categories/tool')
    await setPrice('p1', 1)
    const before = table.queries
    await get('/products/p3')
    await get('/categories/tool')
    expect(table.queries).toBe(before)
  })

  test('a product that does not exist, and a price that is none, are refused', async () => {
    expect((await setPrice('none', 1)).status).toBe(404)
    expect((await setPrice('p1', 'cheap')).status).toBe(400)
  })
})

test('explain says what is kept, and how long the policy of the endpoint keeps it', async () => {
  await get('/products/p1')
  await get('/categories/rope')
  const lifetime = async (key: string) => {
    const { body } = await get(`/explain/${encodeURIComponent(key)}`)
    expect(body).toMatchObject({ status: 'fresh' })
    return Number(body.staleAt) - Number(body.storedAt)
  }
  // Jitter shortens a ttl by at most a tenth.
  const detailMs = await lifetime(apiKey('products', 'detail', 'p1'))
  expect(detailMs).toBeGreaterThanOrEqual(0.9 * 300_000 - 1)
  expect(detailMs).toBeLessThanOrEqual(300_000)
  const listMs = await lifetime(apiKey('products', 'list', { category: 'rope' }))
  expect(listMs).toBeGreaterThanOrEqual(0.9 * 60_000 - 1)
  expect(listMs).toBeLessThanOrEqual(60_000)
})
