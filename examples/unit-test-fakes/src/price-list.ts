import type { Cache } from '@holdfast/core'

export interface Supplier {
  price(product: string): Promise<number>
  setPrice(product: string, cents: number): Promise<void>
}

export function priceList(cache: Cache, supplier: Supplier) {
  const priceOf = cache.define('price', {
    load: (product: string) => supplier.price(product),
    ttl: '5m',
    staleIfError: '1h',
  })
  return {
    priceOf,

    async label(product: string): Promise<string> {
      try {
        return `${((await priceOf(product)) / 100).toFixed(2)} EUR`
      } catch {
        return 'price on request'
      }
    },

    async setPrice(product: string, cents: number): Promise<void> {
      await supplier.setPrice(product, cents)
      await priceOf.delete(product)
    },
  }
}
