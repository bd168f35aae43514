import { ClosedError } from '../errors.ts'
import { type Duration, parseDuration } from '../options/duration.ts'
import { refuseBeyondLimits } from '../store/common-limits.ts'
import type {
  Bus,
  Keep,
  MetricsByServer,
  ServerStates,
  SettledReads,
  Store,
  StoreEntry,
  StoreMetrics,
} from '../store/store.ts'
import { metricsOfEach } from './metrics-by-server.ts'
import { inNameOrder } from './name-order.ts'
import type { RingExplanation } from './ring.ts'
import { statesOf } from './server-states.ts'
import type { ServerStats } from './server-stats.ts'
import { ShardPool } from './shard-pool.ts'
import { ShardReads } from './shard-reads.ts'
import { ShardWrites } from './shard-writes.ts'
import { shardedBus } from './sharded-bus.ts'
import {
  resolveSharded,
  type ShardedStoreOptions,
  type ShardServerOptions,
} from './sharded-options.ts'

/** Why a key is where it is, and how many sockets all of this takes. */
export interface ShardExplanation extends RingExplanation {
  /** The server that answers for the key at present; `undefined`: none. */
  readonly answeredBy: string | undefined
  /** The one it was on before the servers changed, while that one is still asked. */
  readonly before: string | undefined
  /** Expected numbers: what a proxy would have kept small. */
  readonly sockets: {
    readonly perProcess: number
    readonly perServer: number
    readonly total: number
  }
}

/** What happened since the store was made. */
export interface ShardedStats {
  /** By server name. */
  readonly servers: Record<string, ServerStats>
  /** Times that any server was taken out. */
  readonly serverEjects: number
  /** Keys that could not be read, as their server was out or failed: twemproxy's forward_error. */
  readonly unreadable: number
  /** Parts that reads of many keys were split into. */
  readonly fragments: number
  /** Keys found where they were before the servers changed. */
  readonly foundBefore: number
}

export interface ShardedStore extends Store, SettledReads, ServerStates {
  getMany(keys: readonly string[]): Promise<(Uint8Array | undefined)[]>
  setMany(entries: readonly StoreEntry[]): Promise<void>
  deleteMany(keys: readonly string[]): Promise<void>
  /**
   * Changes the servers while the store is in use. For `window` (default 0) a key that its new server does not have is
   * asked of the server it was on before. Stores that are left out are closed when the window is over.
   * @throws InvalidOptionError for a list that makes no ring, such as an empty one; then nothing changes.
   */
  setServers(servers: readonly ShardServerOptions[], options?: { readonly window?: Duration }): void
  explain(key: string): ShardExplanation
  stats(): ShardedStats
  close(): Promise<void>
}

/**
 * One store over several: each key lives on the server that a ring gives it, and each server has a deadline and a
 * judgement of its own, so that one that is dead costs its own keys and nobody else's. It can do what all of its
 * stores can, and closes them with itself.
 * @throws InvalidOptionError
 */
export function shardedStore(options: ShardedStoreOptions): ShardedStore {
  const settings = resolveSharded(options)
  const pool = new ShardPool(settings, options.servers)
  const reads = new ShardReads(pool)
  const writes = new ShardWrites(pool)
  const { name } = settings
  const { capabilities, abilities } = pool
  const buses = new Set<Bus>()
  const primaryListeners = new Set<() => void>()
  let primaryEnds: ((() => void) | undefined)[] = []
  let closed = false

  /** To the servers as they are now. */
  const listenToPrimaries = () => {
    for (const end of primaryEnds) end?.()
    const tell = () => {
      for (const listener of primaryListeners) listener()
    }
    primaryEnds =
      closed || primaryListeners.size === 0
        ? []
        : pool.everyServer.map((server) => server.store.onPrimaryChange?.(tell))
  }
  const open = (operation: string) => {
    if (closed) throw new ClosedError(`${operation} on the store '${name}', which has been closed`)
  }
  // Before the gets of a turn are joined: one key that a server refuses must not be the others' failure.
  const check = (operation: string, key: string, bytes?: Uint8Array) => {
    open(operation)
    refuseBeyondLimits(name, capabilities, operation, key, bytes)
  }
  const checkAll = (operation: string, keys: readonly string[]) => {
    open(operation)
    for (const key of keys) check(operation, key)
  }

  const store: ShardedStore = {
    name,
    capabilities,
    get(key) {
      try {
        check('get', key)
      } catch (error) {
        return Promise.reject(error)
      }
      return reads.get(key)
    },
    async set(key, bytes, keep) {
      check('set', key, bytes)
      await writes.set(key, bytes, keep)
    },
    async delete(key) {
      check('delete', key)
      await writes.delete(key)
    },
    async getMany(keys) {
      checkAll('getMany', keys)
      return reads.many(keys)
    },
    async getManySettled(keys) {
      checkAll('getManySettled', keys)
      return reads.settled(keys)
    },
    async setMany(entries) {
      open('setMany')
      for (const { key, bytes } of entries) check('setMany', key, bytes)
      await writes.setMany(entries)
    },
    async deleteMany(keys) {
      checkAll('deleteMany', keys)
      await writes.deleteMany(keys)
    },
    setServers(servers, { window = 0 } = {}) {
      open('setServers')
      pool.setServers(servers, parseDuration(window, 'window'))
      listenToPrimaries()
    },
    explain(key) {
      const { at, before } = pool.spotOf(key)
      const servers = pool.everyServer.length
      const { socketsPerServer, processes } = settings
      return {
        ...pool.ring.explain(key),
        answeredBy: at?.name,
        before: before?.name,
        sockets: {
          perProcess: servers * socketsPerServer,
          perServer: processes * socketsPerServer,
          total: servers * socketsPerServer * processes,
        },
      }
    },
    serverStates: () => statesOf(pool.everyServer, pool.gutter),
    stats() {
      const servers = pool.everyServer.map((server) => [server.name, server.stats()] as const)
      return {
        // Not assigned one by one: a server may be called `__proto__`.
        servers: Object.fromEntries(servers),
        serverEjects: servers.reduce((sum, [, { ejects }]) => sum + ejects, 0),
        unreadable: reads.unreadable,
        fragments: reads.fragments,
        foundBefore: reads.foundBefore,
      }
    },
    async close() {
      if (closed) return
      closed = true
      listenToPrimaries()
      await Promise.all([...buses].map((bus) => bus.close()))
      await pool.close()
    },
  }

  // An absent method is how a store says what it cannot do.
  if (abilities.has('add')) {
    store.add = async (key: string, bytes: Uint8Array, keep: Keep) => {
      check('add', key, bytes)
      return writes.add(key, bytes, keep)
    }
  }
  if (abilities.has('replace')) {
    store.replace = async (key: string, head: Uint8Array, bytes: Uint8Array, keep: Keep) => {
      check('replace', key, bytes)
      return writes.replace(key, head, bytes, keep)
    }
  }
  if (abilities.has('touch')) {
    store.touch = async (key: string, keep: Keep) => {
      check('touch', key)
      return writes.touch(key, keep)
    }
  }
  if (pool.everyServer.some((server) => server.store.onPrimaryChange !== undefined)) {
    store.onPrimaryChange = (listener) => {
      primaryListeners.add(listener)
      listenToPrimaries()
      return () => {
        primaryListeners.delete(listener)
        listenToPrimaries()
      }
    }
  }
  if (pool.everyServer.some((server) => server.store.changedElsewhere !== undefined)) {
    store.changedElsewhere = (keys) => {
      // A key may be read where it was before, too.
      for (const server of pool.everyServer) server.store.changedElsewhere?.(keys)
    }
  }
  if (abilities.has('list')) {
    store.list = async function* list(prefix: string) {
      open('list')
      for (const server of pool.everyServer) {
        // A list that leaves out a server's keys would look like a whole one.
        if (server.isOut) throw server.unavailable('list')
        for await (const key of server.store.list!(prefix)) {
          open('list')
          const { at, before } = pool.spotOf(key)
          const counts = at === server || (before === server && !server.missed.has(key))
          if (counts) yield key
        }
      }
    }
  }
  if (abilities.has('metrics')) {
    const metricsByServer = async () => {
      open('metrics')
      return metricsOfEach(pool.everyServer)
    }
    store.metrics = async () => total([...(await metricsByServer()).values()])
    Object.assign(store, { metricsByServer } satisfies MetricsByServer)
  }
  if (abilities.has('bus')) {
    store.bus = () => {
      open('bus')
      const inOrder = () =>
        inNameOrder(pool.servers, (server) => server.name).map((each) => each.store)
      const bus = shardedBus(inOrder, (listener) => pool.onListChange(listener))
      buses.add(bus)
      return bus
    }
  }
  return store
}

/** Ages and delays do not add up. */
const largest = new Set<keyof StoreMetrics>(['uptimeMs', 'replicationLagMs'])

/** What all servers say together; unknown where one of them does not know. */
function total(all: readonly StoreMetrics[]): StoreMetrics {
  const sums: { -readonly [Name in keyof StoreMetrics]: StoreMetrics[Name] } = {}
  for (const name of Object.keys(all[0] ?? {}) as (keyof StoreMetrics)[]) {
    const values = all.map((metrics) => metrics[name])
    if (!values.every((value) => value !== undefined)) continue
    sums[name] = largest.has(name)
      ? Math.max(...values)
      : values.reduce((sum, value) => sum + value, 0)
  }
  return sums
}
