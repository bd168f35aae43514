import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createCache } from '@holdfast/core'
import { fakeCache, fakeClock } from '@holdfast/core/testing'
import { priceList } from './price-list.ts'

test('a new price takes the old one out of the cache', async () => {
  const cache = fakeCache()
  const prices = priceList(cache, { price: async () => 1_250, setPrice: async () => {} })
  cache.seed('price:rope', 999)
  assert.equal(await prices.label('rope'), '9.99 EUR')

  await prices.setPrice('rope', 1_250)
  assert.equal(await prices.label('rope'), '12.50 EUR')
  assert.deepEqual(
    cache.calls.map(({ operation, keys }) => [operation, ...keys]),
    [
      ['wrap', 'price:rope'],
      ['delete', 'price:rope'],
      ['wrap', 'price:rope'],
    ],
  )
})

test('a supplier that never answers holds nobody up for longer than ten seconds', async (t) => {
  // The clock alone, under a cache as production has it: with its jitter and its early refreshes.
  const clock = fakeClock({ seed: 7 })
  const cache = createCache({ clock })
  t.after(() => cache.close())
  const prices = priceList(cache, {
    price: () => new Promise<number>(() => {}),
    setPrice: async () => {},
  })
  const label = prices.label('rope')
  await clock.advance('10s')
  assert.equal(await label, 'price on request')
})
