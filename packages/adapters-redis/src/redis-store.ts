import {
  type Bus,
  type Keep,
  type MetricsByServer,
  type SettledReads,
  type Store,
  type StoreCapabilities,
  type StoreEntry,
  StoreError,
  type StoreMetrics,
} from '@holdfast/core'
import { atomicWrites } from './atomic-writes.ts'
import { connect } from './connect.ts'
import { listKeys } from './key-list.ts'
import { busHandle, defaultChannel } from './redis-bus.ts'
import {
  asBuffer,
  isRedisClient,
  type RedisArgument,
  type RedisClient,
  type RedisClusterClient,
} from './redis-client.ts'
import { closedError, ReplyMismatch } from './redis-errors.ts'
import {
  type RedisStoreOptions,
  type RedisStoreSettings,
  refuseUnknownSettings,
  resolveSettings,
  settingNames,
} from './redis-options.ts'
import { metricsOf, sumOfMetrics } from './server-info.ts'
import type { NamedCommand, Way } from './servers.ts'
import { counted } from './single-server.ts'
import type { Subscriber } from './subscriber.ts'
import { px } from './time-to-live.ts'

/**
 * A Redis store has every optional method; one over a cluster can answer in part, and by node, besides, and one that reads from
 * replicas wants to know what was changed elsewhere.
 */
export type RedisStore = Required<Omit<Store, 'changedElsewhere'>> &
  Pick<Store, 'changedElsewhere'> &
  Partial<Pick<SettledReads, 'getManySettled'> & MetricsByServer>

/**
 * A store over Redis 6.2 or later, Valkey or Dragonfly. Given options, it opens one connection for commands at its
 * first use, with the settings of a cache, and closes it in `close`; a client handed in keeps its own settings and
 * stays open. It never fails to be made because a server is away, and connects when the server appears.
 * @throws {InvalidOptionError} for options that cannot work, and for a public address without TLS.
 */
export function redisStore(
  given: RedisClient | RedisClusterClient | RedisStoreOptions,
  beside: RedisStoreSettings = {},
): RedisStore {
  refuseUnknownSettings(beside, settingNames, 'the settings of redisStore have')
  const settings: RedisStoreSettings = isRedisClient(given) ? beside : { ...given, ...beside }
  const { storeName: name, maxKeyBytes, maxValueBytes } = resolveSettings(settings)
  const { servers, refusals, subscriber: makeSubscriber, ...wiring } = connect(given, settings)
  const nameOf = (key: string) => servers.nameOf(key)
  const atomic = atomicWrites(servers, refusals)
  const buses = new Set<Bus>()
  let subscriber: Subscriber | undefined
  let closed = false

  const check = (operation: string, key: string) => {
    if (closed) throw closedError({ store: name, operation })
    // UTF-8 takes at most three bytes for each UTF-16 unit, so most keys need no counting.
    if (key.length * 3 <= maxKeyBytes) return
    const bytes = Buffer.byteLength(key)
    if (bytes <= maxKeyBytes) return
    throw new StoreError(
      `the store '${name}' takes keys of at most ${maxKeyBytes} bytes, not of ${bytes}; shorten the key or raise maxKeyBytes`,
      { kind: 'invalid-key', store: name, operation },
    )
  }
  const checkValue = (operation: string, bytes: Uint8Array) => {
    if (bytes.byteLength <= maxValueBytes) return
    throw new StoreError(
      `the store '${name}' takes values of at most ${maxValueBytes} bytes, not of ${bytes.byteLength}; keep less or raise maxValueBytes`,
      { kind: 'too-large', store: name, operation },
    )
  }
  const setArguments = (name: string, bytes: Uint8Array, ttlMs: number) =>
    px(ttlMs) === ''
      ? ([name, asBuffer(bytes)] as const)
      : ([name, asBuffer(bytes), 'PX', px(ttlMs)] as const)
  const remove = (operation: string, key: string) => {
    const name = nameOf(key)
    return servers.at(name).run(operation, (client) => counted(client, 'DEL', [name]))
  }

  const metricsAt = (way: Way) =>
    way.run('metrics', async (client) => {
      try {
        return metricsOf(String(await client.callBuffer('INFO', [])))
      } catch (error) {
        // Without the right to INFO everything is unknown, which is no failure.
        if (refusals.note('INFO', error)) return {}
        throw error
      }
    })

  const store: RedisStore = {
    name,
    capabilities: {
      ttlGranularityMs: 1,
      maxKeyBytes,
      maxValueBytes,
      evicts: true,
    } satisfies StoreCapabilities,

    get(key: string) {
      try {
        check('get', key)
      } catch (error) {
        return Promise.reject(error)
      }
      return servers.get(nameOf(key))
    },
    async set(key: string, bytes: Uint8Array, { ttlMs }: Keep) {
      check('set', key)
      checkValue('set', bytes)
      if (ttlMs <= 0) {
        await remove('set', key)
        return
      }
      const name = nameOf(key)
      await servers
        .at(name)
        .run('set', (client) => acknowledged(client, 'SET', [...setArguments(name, bytes, ttlMs)]))
    },
    async delete(key: string) {
      check('delete', key)
      await remove('delete', key)
    },
    async getMany(keys: readonly string[]) {
      if (closed) throw closedError({ store: name, operation: 'getMany' })
      for (const key of keys) check('getMany', key)
      return servers.getMany(keys.map(nameOf), 'getMany')
    },
    async setMany(entries: readonly StoreEntry[]) {
      if (closed) throw closedError({ store: name, operation: 'setMany' })
      for (const { key, bytes } of entries) {
        check('setMany', key)
        checkValue('setMany', bytes)
      }
      const commands = entries.map(({ key, bytes, ttlMs }): NamedCommand => {
        const name = nameOf(key)
        return ttlMs <= 0 ? ['del', name] : ['set', ...setArguments(name, bytes, ttlMs)]
      })
      await servers.runAll('setMany', commands)
    },
    async deleteMany(keys: readonly string[]) {
      if (closed) throw closedError({ store: name, operation: 'deleteMany' })
      for (const key of keys) check('deleteMany', key)
      await servers.deleteMany('deleteMany', keys.map(nameOf))
    },
    async add(key: string, bytes: Uint8Array, { ttlMs }: Keep) {
      check('add', key)
      checkValue('add', bytes)
      // Nothing is to be stored, so what is there is all there is to say.
      if (ttlMs <= 0) return servers.get(nameOf(key))
      return atomic.add(nameOf(key), asBuffer(bytes), px(ttlMs))
    },
    async replace(key: string, head: Uint8Array, bytes: Uint8Array, { ttlMs }: Keep) {
      check('replace', key)
      checkValue('replace', bytes)
      return atomic.replace(nameOf(key), asBuffer(head), asBuffer(bytes), px(ttlMs))
    },
    async touch(key: string, { ttlMs }: Keep) {
      check('touch', key)
      if (ttlMs <= 0) return (await remove('touch', key)) === 1
      const name = nameOf(key)
      const ttl = px(ttlMs)
      if (ttl !== '') {
        return servers
          .at(name)
          .run('touch', async (client) => (await counted(client, 'PEXPIRE', [name, ttl])) === 1)
      }
      // PERSIST says 0 also of an entry that had no end, so EXISTS is asked whether there is one.
      return servers.at(name).run('touch', async (client) => {
        const [, exists] = await Promise.all([
          counted(client, 'PERSIST', [name]),
          counted(client, 'EXISTS', [name]),
        ])
        return exists === 1
      })
    },
    list: (prefix: string) => listKeys(servers, prefix),
    onPrimaryChange: (listener: () => void) => wiring.onPrimaryChange(listener),
    bus() {
      if (closed) throw closedError({ store: name, operation: 'bus' })
      subscriber ??= makeSubscriber(defaultChannel)
      const bus = busHandle(servers, subscriber, refusals, defaultChannel, () => buses.delete(bus))
      buses.add(bus)
      return bus
    },
    async metrics(): Promise<StoreMetrics> {
      if (closed) throw closedError({ store: name, operation: 'metrics' })
      const ways = await servers.everyWay()
      return sumOfMetrics(await Promise.all(ways.map(metricsAt)))
    },
    async close() {
      if (closed) return
      closed = true
      for (const bus of buses) await bus.close()
      wiring.close()
    },
  }
  if (servers.getManySettled !== undefined) {
    store.getManySettled = async (keys) => {
      if (closed) throw closedError({ store: name, operation: 'getMany' })
      for (const key of keys) check('getMany', key)
      return servers.getManySettled!(keys.map(nameOf))
    }
    store.metricsByServer = async () => {
      if (closed) throw closedError({ store: name, operation: 'metrics' })
      const ways = await servers.everyWay()
      const all = await Promise.allSettled(ways.map(metricsAt))
      // Only who answered: what is missing is known to be.
      return new Map(
        all.flatMap((each, at) =>
          each.status === 'fulfilled' ? [[ways[at]?.address ?? '', each.value] as const] : [],
        ),
      )
    }
  }
  if (wiring.changedElsewhere !== undefined) {
    store.changedElsewhere = (keys) => wiring.changedElsewhere!(keys?.map(nameOf))
  }
  return store
}

async function acknowledged(client: RedisClient, command: string, args: RedisArgument[]) {
  if (String(await client.callBuffer(command, args)) !== 'OK') throw new ReplyMismatch()
}
