import { type Cache, createCache, type EntryOptions } from '@holdfast/core'
import { type ShardedMemcached, shardedMemcached } from '@holdfast/memcached'
import type { Addresses } from './addresses.ts'

/** How long the answers of each endpoint are good for: `api:{service}:{endpoint}:{hash(params)}`. */
export const policies: Record<string, EntryOptions> = {
  'api:products:detail:*': { ttl: '1h' },
  'api:products:list:*': { ttl: '5m' },
  'api:users:profile:*': { ttl: '1m' },
}

/** The right half of the picture: what the services behind have answered, on three Memcached servers. */
export function answersOn({ memcached }: Addresses): { answers: Cache; store: ShardedMemcached } {
  const store = shardedMemcached({
    servers: [...memcached],
    protocol: 'meta',
    // While a server is out, its keys live on the other two.
    onFailure: 'gutter',
  })
  const answers = createCache({
    name: 'answers',
    // The keys in Memcached are the ones that are written here, with nothing in front.
    namespace: '',
    store,
    // As it is drawn: Memcached is the only cache, and no process keeps an answer to itself.
    memory: false,
    policies,
  })
  return { answers, store }
}
