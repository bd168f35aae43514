import { createCache } from '@holdfast/core'
import { createRing } from '@holdfast/core/sharding'
import { fakeClock } from '@holdfast/core/testing'
import '@holdfast/image'
import '@holdfast/memcached'
import '@holdfast/redis'

interface User {
  id: number
}

const cache = createCache({ clock: fakeClock() })
export const user: User = await cache.wrap('user:42', (): User => ({ id: 42 }), { ttl: '5m' })

// @ts-expect-error what wrap gives back is a User, not a string
export const wrong: string = await cache.wrap('user:42', (): User => ({ id: 42 }))

// @ts-expect-error '5 minutes' is not a Duration
await cache.wrap('user:42', (): User => ({ id: 42 }), { ttl: '5 minutes' })

export const server: string = createRing({ servers: [{ name: '10.0.0.1:11211' }] }).locate(
  'user:42',
)
