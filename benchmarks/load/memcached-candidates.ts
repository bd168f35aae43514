import type { RingOptions } from '@holdfast/core/sharding'
import { makeUser } from '../micro/workload.ts'

/** One Memcached, and four with a nutcracker in front of them. */
export interface Places {
  readonly port: number
  readonly proxyPort: number
  /** The four, as a nutcracker.yml has them. */
  readonly pool: Omit<RingOptions, 'servers'> & { readonly servers: readonly Server[] }
}

interface Server {
  readonly name: string
  readonly host: string
  readonly port: number
  readonly weight: number
}

export type Ask = (key: string) => Promise<unknown>

/**
 * A way to a value in Memcached. It imports its client only when it is opened, since each runs in a process of its own.
 * Peers stand on the set-up that their documentation shows.
 */
export interface MemcachedCandidate {
  readonly name: string
  /** What the row shows, in the words of the published table. */
  readonly what: string
  /** `loaded` is called where a value was not there, and had to be loaded. */
  open(places: Places, loaded: () => void): Promise<Ask>
}

const text = (value: Uint8Array | null | undefined) =>
  value ? Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString() : undefined
const parsed = (json: string | undefined) => (json === undefined ? undefined : JSON.parse(json))
const idOf = (key: string) => Number(key.slice(key.indexOf(':') + 1))

const plainMemjs: MemcachedCandidate = {
  name: 'memjs',
  what: 'memjs `get`, plain: the base of all ratios',
  async open({ port }) {
    const { Client } = (await import('memjs')).default
    const client = Client.create(`127.0.0.1:${port}`)
    return async (key) => (await client.get(key)).value
  },
}

const parsingMemjs: MemcachedCandidate = {
  name: 'memjs-parse',
  what: 'memjs `get`, and `JSON.parse`',
  async open({ port }) {
    const { Client } = (await import('memjs')).default
    const client = Client.create(`127.0.0.1:${port}`)
    return async (key) => parsed(text((await client.get(key)).value))
  },
}

const memcache: MemcachedCandidate = {
  name: 'memcache',
  what: 'memcache `get`, and `JSON.parse`',
  async open({ port }) {
    const { Memcache } = await import('memcache')
    const client = new Memcache(`127.0.0.1:${port}`)
    return async (key) => parsed(await client.get(key))
  },
}

const keyv: MemcachedCandidate = {
  name: 'keyv',
  what: 'keyv `get` with @keyv/memcache',
  async open({ port }) {
    const { Keyv } = await import('keyv')
    const { default: KeyvMemcache } = await import('@keyv/memcache')
    const store = new Keyv({ store: new KeyvMemcache(`127.0.0.1:${port}`) })
    return async (key) => {
      const value = await store.get(key)
      if (value !== undefined) return value
      await store.set(key, makeUser(idOf(key)), 300_000)
      return undefined
    }
  },
}

const holdfast = (protocol: 'binary' | 'meta'): MemcachedCandidate => ({
  name: `holdfast-${protocol}`,
  what: `Holdfast \`wrap\`, near tier off, \`protocol: '${protocol}'\``,
  async open({ port }, loaded) {
    const { createCache } = await import('@holdfast/core')
    const { memcachedStore } = await import('@holdfast/memcached')
    const store = memcachedStore({ servers: [`127.0.0.1:${port}`], protocol })
    // Two candidates share the server, and each shall find what it has written itself.
    const cache = createCache({ name: protocol, store, memory: false })
    return (key) =>
      cache.wrap(key, () => {
        loaded()
        return makeUser(idOf(key))
      })
  },
})

/** On one server. */
export const singleCandidates: readonly MemcachedCandidate[] = [
  plainMemjs,
  parsingMemjs,
  memcache,
  keyv,
  holdfast('binary'),
  holdfast('meta'),
]

const proxied: MemcachedCandidate = {
  name: 'proxied',
  what: 'memcache `get` through nutcracker: the base of all ratios',
  async open({ proxyPort }) {
    const { Memcache } = await import('memcache')
    const client = new Memcache(`127.0.0.1:${proxyPort}`)
    return (key) => client.get(key)
  },
}

const fleet = (protocol: 'binary' | 'meta'): MemcachedCandidate => ({
  name: `fleet-${protocol}`,
  what: `Holdfast \`memcachedStore(…).get\`, straight to the servers, \`protocol: '${protocol}'\``,
  async open({ pool }) {
    const { memcachedStore } = await import('@holdfast/memcached')
    const store = memcachedStore({ ...pool, protocol })
    return (key) => store.get(key)
  },
})

/** On one of four servers. */
export const fleetCandidates: readonly MemcachedCandidate[] = [
  proxied,
  fleet('binary'),
  fleet('meta'),
]
