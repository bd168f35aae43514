import type { RingOptions } from '@holdfast/core/sharding'

/** Four Redis servers and the nutcracker in front of them. */
export interface Cluster {
  readonly proxyPort: number
  /** As a nutcracker.yml has it. */
  readonly pool: Omit<RingOptions, 'servers'> & { readonly servers: readonly ShardPlace[] }
}

interface ShardPlace {
  readonly name: string
  readonly host: string
  readonly port: number
  readonly weight: number
}

/** Ways to a value on one of four servers. Each imports its client only when it is opened. */
export interface ShardingCandidate {
  readonly name: string
  readonly what: string
  open(cluster: Cluster): Promise<(key: string) => Promise<unknown>>
}

/** Without these, a client of today says CLIENT and HELLO at first, for which nutcracker hangs up. */
const forProxy = {
  host: '127.0.0.1',
  enableReadyCheck: false,
  disableClientInfo: true,
  protocol: 2,
} as const

const proxied: ShardingCandidate = {
  name: 'proxied',
  what: 'ioredis `get` through nutcracker: the base of all ratios',
  async open({ proxyPort }) {
    const { Redis } = await import('ioredis')
    const redis = new Redis({ ...forProxy, port: proxyPort })
    return (key) => redis.get(key)
  },
}

const proxiedPipelined: ShardingCandidate = {
  name: 'proxied-autopipelining',
  what: 'the same with `enableAutoPipelining`',
  async open({ proxyPort }) {
    const { Redis } = await import('ioredis')
    const redis = new Redis({ ...forProxy, port: proxyPort, enableAutoPipelining: true })
    return (key) => redis.get(key)
  },
}

const naive: ShardingCandidate = {
  name: 'naive',
  what: "Holdfast's `createRing` and a plain ioredis `get` on each server: no batches",
  async open({ pool }) {
    const { Redis } = await import('ioredis')
    const { createRing } = await import('@holdfast/core/sharding')
    const ring = createRing(pool)
    const clients = pool.servers.map(({ host, port }) => new Redis({ host, port }))
    return (key) => clients[ring.locateIndex(key)]!.get(key)
  },
}

const holdfast: ShardingCandidate = {
  name: 'holdfast',
  what: 'Holdfast `shardedRedis(pool).get`, straight to the servers',
  async open({ pool }) {
    const { shardedRedis } = await import('@holdfast/redis')
    const store = shardedRedis(pool)
    return (key) => store.get(key)
  },
}

export const shardingCandidates: readonly ShardingCandidate[] = [
  proxied,
  proxiedPipelined,
  naive,
  holdfast,
]
