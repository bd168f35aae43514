import { createRing, type RingOptions } from '@holdfast/core/sharding'

/** A ring of some library over servers of equal weight: from a key to the name of its server. */
export type Locate = (key: string) => string

export interface RingCandidate {
  readonly name: string
  /** The package it comes from; absent: our own. */
  readonly from?: string
  build(servers: readonly string[]): Promise<Locate>
}

function holdfast(name: string, options: Omit<RingOptions, 'servers'>): RingCandidate {
  return {
    name,
    build: async (servers) =>
      createRing({ ...options, servers: servers.map((server) => ({ name: server })) }).locate,
  }
}

/** Loads a peer by a name the compiler does not follow, since most of them bring no types. */
async function peer<Shape>(name: string): Promise<Shape> {
  return (await import(name)) as Shape
}

interface HashRing {
  default: new (servers: readonly string[]) => { get(key: string): string }
}
interface Ketama {
  HashRing: new (servers: readonly string[]) => { getNode(key: string): string }
}
interface ConsistentHash {
  default: new (options?: {
    distribution: 'uniform'
  }) => {
    add(server: string): void
    get(key: string): string
  }
}
interface Memcache {
  Memcache: new (options: {
    nodes: readonly string[]
  }) => {
    hash: { getNodesByKey(key: string): { id: string }[] }
  }
}

export const ringCandidates: readonly RingCandidate[] = [
  holdfast('holdfast', {}),
  holdfast('holdfast, seeded', { seed: 'a secret' }),
  holdfast('holdfast, twemproxy', { compat: 'twemproxy' }),
  holdfast('holdfast, twemproxy md5', { compat: 'twemproxy', hash: 'md5' }),
  {
    name: 'hashring',
    from: 'hashring',
    async build(servers) {
      const { default: HashRing } = await peer<HashRing>('hashring')
      const ring = new HashRing(servers)
      return (key) => ring.get(key)
    },
  },
  {
    name: 'ketama',
    from: 'ketama',
    async build(servers) {
      const { HashRing } = await peer<Ketama>('ketama')
      const ring = new HashRing(servers)
      return (key) => ring.getNode(key)
    },
  },
  {
    name: 'consistent-hash',
    from: 'consistent-hash',
    async build(servers) {
      const { default: ConsistentHash } = await peer<ConsistentHash>('consistent-hash')
      const ring = new ConsistentHash()
      for (const server of servers) ring.add(server)
      return (key) => ring.get(key)
    },
  },
  {
    name: 'memcache (KetamaHash)',
    from: 'memcache',
    async build(servers) {
      const { Memcache } = await peer<Memcache>('memcache')
      const { hash } = new Memcache({ nodes: servers })
      return (key) => hash.getNodesByKey(key)[0]!.id
    },
  },
]
