import type { User } from '../micro/workload.ts'

/**
 * What is asked over one Redis. A candidate imports its library only when it is opened, because each runs in a process
 * of its own. Peers stand on the set-up that their documentation shows for Redis; none has a tier in memory unless it
 * says so.
 */
export interface Candidate {
  readonly name: string
  /** What the row shows, in the words of the published table. */
  readonly what: string
  /** Asks its library or client for a key; `load` is for a key that is not there. */
  open(port: number, load: Load): Promise<Ask>
}

export type Load = (key: string) => Promise<User>
export type Ask = (key: string) => Promise<unknown>

const host = '127.0.0.1'
const ttlMs = 300_000

const raw: Candidate = {
  name: 'ioredis',
  what: 'ioredis `get`, plain: the base of all ratios',
  async open(port, load) {
    const { Redis } = await import('ioredis')
    return rawAsk(new Redis({ host, port }), load, (text) => text)
  },
}

const pipelined: Candidate = {
  name: 'ioredis-autopipelining',
  what: 'ioredis `get` with `enableAutoPipelining`, and `JSON.parse`',
  async open(port, load) {
    const { Redis } = await import('ioredis')
    return rawAsk(new Redis({ host, port, enableAutoPipelining: true }), load, JSON.parse)
  },
}

function rawAsk(redis: import('ioredis').Redis, load: Load, parse: (text: string) => unknown): Ask {
  return async (key) => {
    const text = await redis.get(key)
    if (text !== null) return parse(text)
    const loaded = await load(key)
    await redis.set(key, JSON.stringify(loaded), 'PX', ttlMs)
    return loaded
  }
}

const holdfast: Candidate = {
  name: 'holdfast',
  what: 'Holdfast `wrap`, near tier off',
  async open(port, load) {
    const { createCache } = await import('@holdfast/core')
    const { redisStore } = await import('@holdfast/redis')
    const cache = createCache({ store: redisStore({ host, port }), memory: false })
    return (key) => cache.wrap(key, () => load(key))
  },
}

const holdfastTwoTiers: Candidate = {
  name: 'holdfast-two-tiers',
  what: 'Holdfast `wrap`, a hit in the near tier in front of Redis',
  async open(port, load) {
    const { createCache } = await import('@holdfast/core')
    const { redisStore } = await import('@holdfast/redis')
    const cache = createCache({ store: redisStore({ host, port }) })
    return (key) => cache.wrap(key, () => load(key))
  },
}

const holdfastNear: Candidate = {
  name: 'holdfast-near',
  what: 'Holdfast `wrap`, a hit in memory alone',
  async open(_, load) {
    const { createCache } = await import('@holdfast/core')
    const cache = createCache()
    return (key) => cache.wrap(key, () => load(key))
  },
}

const bentocache: Candidate = {
  name: 'bentocache',
  what: 'bentocache `getOrSet`, Redis driver',
  async open(port, load) {
    const { BentoCache, bentostore } = await import('bentocache')
    const { redisDriver } = await import('bentocache/drivers/redis')
    const bento = new BentoCache({
      default: 'redis',
      stores: { redis: bentostore().useL2Layer(redisDriver({ connection: { host, port } })) },
    })
    return (key) => bento.getOrSet({ key, ttl: ttlMs, factory: () => load(key) })
  },
}

const cacheable: Candidate = {
  name: 'cacheable',
  what: 'cacheable `getOrSet`, Redis through Keyv as its primary store',
  async open(port, load) {
    const { Cacheable } = await import('cacheable')
    const { createKeyv } = await import('@keyv/redis')
    const primary = createKeyv(`redis://${host}:${port}`, { namespace: 'cacheable' })
    const cache = new Cacheable({ primary, ttl: ttlMs })
    return (key) => cache.getOrSet(key, () => load(key))
  },
}

const cacheManager: Candidate = {
  name: 'cache-manager',
  what: 'cache-manager `wrap`, Redis through Keyv',
  async open(port, load) {
    const { createCache } = await import('cache-manager')
    const { createKeyv } = await import('@keyv/redis')
    const cache = createCache({
      stores: [createKeyv(`redis://${host}:${port}`, { namespace: 'cache-manager' })],
      ttl: ttlMs,
    })
    return (key) => cache.wrap(key, () => load(key))
  },
}

const layeredLoader: Candidate = {
  name: 'layered-loader',
  what: 'layered-loader `get`, Redis as its asynchronous cache',
  async open(port, load) {
    const { Redis } = await import('ioredis')
    const { Loader } = await import('layered-loader')
    const { RedisCache } = await import('layered-loader/redis')
    const loader = new Loader<User>({
      asyncCache: new RedisCache<User>(new Redis({ host, port }), {
        json: true,
        ttlInMsecs: ttlMs,
        prefix: 'layered',
      }),
      dataSourceGetOneFn: load,
    })
    return (key) => loader.get(key)
  },
}

const peers = [bentocache, cacheable, cacheManager, layeredLoader]

/** A hit in Redis. */
export const hitCandidates: readonly Candidate[] = [raw, pipelined, holdfast, ...peers]

/** A hit in memory, with and without Redis behind it. */
export const nearCandidates: readonly Candidate[] = [holdfastNear, holdfastTwoTiers]

/** Many processes and one key. */
export const stampedeCandidates: readonly Candidate[] = [holdfastTwoTiers, ...peers]

export function candidateNamed(name: string): Candidate {
  const found = [...hitCandidates, ...nearCandidates].find((each) => each.name === name)
  if (found === undefined) throw new Error(`there is no candidate '${name}'`)
  return found
}
