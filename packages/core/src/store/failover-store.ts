import { ClosedError, StoreError } from '../errors.ts'
import { deleteAll, lengthOf, setAll } from '../sharding/many-keys.ts'
import { metricsOfEach, tellsOfServers } from '../sharding/metrics-by-server.ts'
import { statesOf } from '../sharding/server-states.ts'
import type { ShardServer } from '../sharding/shard-server.ts'
import { shardedBus } from '../sharding/sharded-bus.ts'
import { commonCapabilities, refuseBeyondLimits } from './common-limits.ts'
import { type FailoverStoreOptions, readStores, resolveFailover } from './failover-options.ts'
import { FailoverSides } from './failover-sides.ts'
import type {
  Bus,
  MetricsByServer,
  ServerStates,
  SettledRead,
  SettledReads,
  Store,
  StoreEntry,
} from './store.ts'

/** What one of the two did. */
export interface FailoverSideStats {
  /** `out`: nothing is sent to it but probes. */
  readonly state: 'in' | 'out'
  readonly requests: number
  /** Failed operations that say that it, or the way to it, is not well. */
  readonly errors: number
  readonly timedOut: number
  /** Times it was taken out. */
  readonly ejects: number
  /** Deletes that it has missed, to be made up for before it is believed. */
  readonly missedDeletes: number
}

/** What happened since the store was made. */
export interface FailoverStats {
  /** Which one is used now. */
  readonly active: 'main' | 'gutter' | 'none'
  /** Times the gutter took over. */
  readonly takeovers: number
  readonly main: FailoverSideStats
  readonly gutter: FailoverSideStats
}

export interface FailoverStore extends Store, SettledReads, ServerStates {
  explain(key: string): { readonly server: string }
  stats(): FailoverStats
  close(): Promise<void>
}

/**
 * A store with a stand-in: `gutter` takes over with a short ttl while `main` does not answer, and hands back when
 * main has answered for a second and has made up for every delete that it missed. It can do what both can, and closes
 * both with itself. (The idea is the Gutter of "Scaling Memcache at Facebook", Nishtala et al., NSDI 2013.)
 * @throws InvalidOptionError
 */
export function failoverStore(
  stores: readonly [main: Store, gutter: Store],
  options: FailoverStoreOptions = {},
): FailoverStore {
  const both = readStores(stores)
  const settings = resolveFailover(options, both[0])
  const sides = new FailoverSides(settings, both)
  const { name } = settings
  const capabilities = Object.freeze(commonCapabilities(both))
  const buses = new Set<Bus>()
  let closed = false

  const open = (operation: string) => {
    if (closed) throw new ClosedError(`${operation} on the store '${name}', which has been closed`)
  }
  const check = (operation: string, key: string, bytes?: Uint8Array) => {
    open(operation)
    refuseBeyondLimits(name, capabilities, operation, key, bytes)
  }
  const checkAll = (operation: string, keys: readonly string[]) => {
    open(operation)
    for (const key of keys) check(operation, key)
  }
  const statsOf = (side: ShardServer): FailoverSideStats => {
    const { state, requests, errors, timedOut, ejects, missedDeletes } = side.stats()
    return { state, requests, errors, timedOut, ejects, missedDeletes }
  }
  const settled = async (keys: readonly string[]): Promise<SettledRead[]> => {
    const side = sides.use('getMany')
    const store = side.store as Store & Partial<SettledReads>
    const asked =
      sides.main.missed.size === 0 ? keys : keys.filter((key) => !sides.isVoid(side, key))
    const found: readonly SettledRead[] =
      asked.length === 0
        ? []
        : store.getManySettled === undefined
          ? await side.getMany(asked)
          : await side.run('getMany', lengthOf(asked), () => store.getManySettled!(asked))
    let next = 0
    return keys.map((key) => {
      const read = asked === keys || !sides.isVoid(side, key) ? found[next++] : undefined
      // What the gutter has not, the main store may have.
      return read === undefined && side === sides.gutter ? null : read
    })
  }

  const store: FailoverStore = {
    name,
    capabilities,
    async get(key) {
      check('get', key)
      const side = sides.use('get')
      return sides.isVoid(side, key) ? undefined : side.get(key)
    },
    async set(key, bytes, { ttlMs }) {
      check('set', key, bytes)
      await sides.change({
        operation: 'set',
        keys: [key],
        bytes: key.length + bytes.byteLength,
        send: (at, mostMs) => at.set(key, bytes, { ttlMs: Math.min(ttlMs, mostMs) }),
        surely: true,
      })
    },
    async delete(key) {
      check('delete', key)
      await sides.change({
        operation: 'delete',
        keys: [key],
        bytes: key.length,
        send: (at) => at.delete(key),
        surely: true,
        empties: true,
      })
    },
    async getMany(keys) {
      checkAll('getMany', keys)
      const all = await settled(keys)
      const failure = all.find((read) => read instanceof StoreError)
      if (failure !== undefined && all.every((read) => read instanceof StoreError)) throw failure
      return all.map((read) => (read instanceof Uint8Array ? read : undefined))
    },
    async getManySettled(keys) {
      checkAll('getManySettled', keys)
      try {
        return await settled(keys)
      } catch (error) {
        if (error instanceof StoreError) return keys.map(() => error)
        throw error
      }
    },
    async setMany(entries: readonly StoreEntry[]) {
      for (const { key, bytes } of entries) check('setMany', key, bytes)
      open('setMany')
      await sides.change({
        operation: 'setMany',
        keys: entries.map(({ key }) => key),
        bytes: entries.reduce((sum, { key, bytes }) => sum + key.length + bytes.byteLength, 0),
        send: (at, mostMs) =>
          setAll(
            at,
            entries.map((entry) => ({ ...entry, ttlMs: Math.min(entry.ttlMs, mostMs) })),
          ),
        surely: true,
      })
    },
    async deleteMany(keys) {
      checkAll('deleteMany', keys)
      await sides.change({
        operation: 'deleteMany',
        keys,
        bytes: lengthOf(keys),
        send: (at) => deleteAll(at, keys),
        surely: true,
        empties: true,
      })
    },
    explain(key) {
      const { active } = sides
      if (active === undefined) return { server: 'none' }
      const inner = (active.store as Partial<SettledReads>).explain?.(key).server
      return { server: inner === undefined ? active.name : `${active.name}: ${inner}` }
    },
    serverStates: () => statesOf([sides.main, sides.gutter], sides.gutter),
    stats: () => ({
      active: (sides.active?.name ?? 'none') as FailoverStats['active'],
      takeovers: sides.main.stats().ejects,
      main: statsOf(sides.main),
      gutter: statsOf(sides.gutter),
    }),
    async close() {
      if (closed) return
      closed = true
      await Promise.all([...buses].map((bus) => bus.close()))
      await sides.close()
    },
  }

  // An absent method is how a store says what it cannot do.
  if (both.every(({ add }) => add)) {
    store.add = async (key, bytes, { ttlMs }) => {
      check('add', key, bytes)
      return sides.change({
        operation: 'add',
        keys: [key],
        bytes: key.length + bytes.byteLength,
        send: (at, mostMs) => at.add!(key, bytes, { ttlMs: Math.min(ttlMs, mostMs) }),
        looks: true,
      })
    }
  }
  if (both.every(({ replace }) => replace)) {
    store.replace = async (key, head, bytes, { ttlMs }) => {
      check('replace', key, bytes)
      return sides.change({
        operation: 'replace',
        keys: [key],
        bytes: key.length + bytes.byteLength,
        send: (at, mostMs) => at.replace!(key, head, bytes, { ttlMs: Math.min(ttlMs, mostMs) }),
        supersedes: (done) => done && !FailoverSides.fulfils(head),
        looks: true,
      })
    }
  }
  if (both.every(({ touch }) => touch)) {
    store.touch = async (key, { ttlMs }) => {
      check('touch', key)
      return sides.change({
        operation: 'touch',
        keys: [key],
        bytes: key.length,
        send: (at, mostMs) => at.touch!(key, { ttlMs: Math.min(ttlMs, mostMs) }),
        surely: ttlMs <= 0,
        looks: true,
      })
    }
  }
  if (both.some(({ onPrimaryChange }) => onPrimaryChange)) {
    store.onPrimaryChange = (listener) => {
      const ends = both.map((each) => each.onPrimaryChange?.(() => listener()))
      return () => {
        for (const end of ends) end?.()
      }
    }
  }
  if (both.some(({ changedElsewhere }) => changedElsewhere)) {
    store.changedElsewhere = (keys) => {
      for (const each of both) each.changedElsewhere?.(keys)
    }
  }
  if (both[0].list) {
    store.list = async function* list(prefix) {
      open('list')
      // What the gutter has would look like all there is.
      if (sides.main.isOut) throw sides.main.unavailable('list')
      for await (const key of both[0].list!(prefix)) {
        open('list')
        if (!sides.isVoid(sides.main, key)) yield key
      }
    }
  }
  if (both.every(({ metrics }) => metrics)) {
    store.metrics = async () => {
      open('metrics')
      return sides.use('metrics').run('metrics', 0, (at) => at.metrics!())
    }
  }
  if (both.some(tellsOfServers)) {
    const metricsByServer = async () => {
      open('metrics')
      return metricsOfEach([sides.main, sides.gutter])
    }
    Object.assign(store, { metricsByServer } satisfies MetricsByServer)
  }
  if (both.every(({ bus }) => bus)) {
    store.bus = () => {
      open('bus')
      const bus = shardedBus(
        () => both,
        () => () => undefined,
      )
      buses.add(bus)
      return bus
    }
  }
  return store
}
