export interface Product {
  id: string
  name: string
  category: 'rope' | 'tool'
  priceCents: number
}

/** Stands in for the database of a real service, and counts how often it is asked. */
export function productTable() {
  const rows = new Map<string, Product>([
    ['p1', { id: 'p1', name: 'Bowline', category: 'rope', priceCents: 1_250 }],
    ['p2', { id: 'p2', name: 'Sheet bend', category: 'rope', priceCents: 990 }],
    ['p3', { id: 'p3', name: 'Marlinspike', category: 'tool', priceCents: 3_400 }],
  ])
  const table = {
    queries: 0,
    async find(id: string): Promise<Product | null> {
      table.queries++
      return rows.get(id) ?? null
    },
    async list(category: string): Promise<Product[]> {
      table.queries++
      return [...rows.values()].filter((product) => product.category === category)
    },
    async setPrice(id: string, priceCents: number): Promise<Product | null> {
      const product = rows.get(id)
      if (product === undefined) return null
      const changed = { ...product, priceCents }
      rows.set(id, changed)
      return changed
    },
  }
  return table
}

export type ProductTable = ReturnType<typeof productTable>
