import { fakeCache } from '@holdfast/core/testing'
import { beforeEach, expect, test, vi } from 'vitest'
import { priceList } from './price-list.ts'

const cache = fakeCache()
const supplier = {
  price: vi.fn(async (_product: string) => 1_250),
  setPrice: vi.fn(async (_product: string, _cents: number) => {}),
}
const prices = priceList(cache, supplier)
// A fallback that a test provokes need not be warned of.
cache.on('error', () => {})

beforeEach(() => {
  cache.reset()
  vi.clearAllMocks()
})

test('a price is asked for once in five minutes', async () => {
  await prices.label('rope')
  await cache.clock.advance('4m')
  expect(await prices.label('rope')).toBe('12.50 EUR')
  expect(supplier.price).toHaveBeenCalledTimes(1)

  await cache.clock.advance('1m')
  await prices.label('rope')
  expect(supplier.price).toHaveBeenCalledTimes(2)
})

test('a known price is shown while the supplier is away', async () => {
  await prices.label('rope')
  await cache.clock.advance('30m')
  supplier.price.mockRejectedValueOnce(new Error('supplier is away'))
  expect(await prices.label('rope')).toBe('12.50 EUR')
})

test('what is kept already is not asked for', async () => {
  cache.seed(prices.priceOf.key('rope'), 999)
  expect(await prices.label('rope')).toBe('9.99 EUR')
  expect(supplier.price).not.toHaveBeenCalled()
})

test('a new price takes the old one out of the cache', async () => {
  await prices.setPrice('rope', 1_300)
  expect(cache.calls).toEqual([
    { operation: 'delete', keys: ['price:rope'], args: ['rope'], namespace: [] },
  ])
})

test('without an answer the label still says something', async () => {
  cache.fail('wrap', new Error('took too long'))
  expect(await prices.label('rope')).toBe('price on request')
})
