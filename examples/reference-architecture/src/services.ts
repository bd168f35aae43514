import { apiKey } from '@holdfast/core'

/** Whose answers are kept, and under which keys: the shop and the owners of the data agree on these. */
export const keys = {
  detail: (id: string) => apiKey('products', 'detail', id),
  list: (category: string) => apiKey('products', 'list', { category, sort: 'name' }),
  profile: (userId: string) => apiKey('users', 'profile', userId),
}
export const listTag = (category: string) => `products:${category}`

export interface Product {
  readonly id: string
  readonly category: string
  readonly cents: number
}
export interface Profile {
  readonly id: string
  readonly name: string
}

/** What a call of a service costs, as long as nobody keeps the answer. */
export function servicesAt(base: string) {
  async function ask<T>(path: string, signal?: AbortSignal): Promise<T | null> {
    const response = await fetch(base + path, signal ? { signal } : {})
    if (response.status === 404) return null
    if (!response.ok) throw new Error(`${path} was answered with ${response.status}`)
    return (await response.json()) as T
  }
  return {
    product: (id: string, signal?: AbortSignal) => ask<Product>(`/products/${id}`, signal),
    products: (category: string, signal?: AbortSignal) =>
      ask<readonly Product[]>(`/categories/${category}`, signal),
    profile: (userId: string, signal?: AbortSignal) => ask<Profile>(`/users/${userId}`, signal),
    stock: (id: string) => ask<{ readonly left: number }>(`/stock/${id}`),
  }
}

export type Services = ReturnType<typeof servicesAt>
