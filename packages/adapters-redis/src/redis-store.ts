import {
  type Bus,
  type Keep,
  type Store,
  type StoreCapabilities,
  type StoreEntry,
  StoreError,
  type StoreMetrics,
} from '@holdfast/core'
import { atomicWrites } from './atomic-writes.ts'
import { GetBatcher } from './get-batcher.ts'
import { listKeys } from './key-list.ts'
import { busHandle, defaultChannel } from './redis-bus.ts'
import { asBuffer, isRedisClient, type RedisArgument, type RedisClient } from './redis-client.ts'
import { closedError, ReplyMismatch } from './redis-errors.ts'
import {
  type RedisStoreOptions,
  type RedisStoreSettings,
  resolveSettings,
} from './redis-options.ts'
import { metricsOf } from './server-info.ts'
import type { Subscriber } from './subscriber.ts'
import { px } from './time-to-live.ts'
import { connect } from './wiring.ts'

/** A Redis store has every optional method. */
export type RedisStore = Required<Omit<Store, 'onPrimaryChange'>>

/** So many keys or entries go into one command or pipeline. */
const perCommand = 512

/**
 * A store over Redis 6.2 or later, Valkey or Dragonfly. Given options, it opens one connection for commands at its
 * first use, with the settings of a cache, and closes it in `close`; a client handed in keeps its own settings and
 * stays open. It never fails to be made because a server is away, and connects when the server appears.
 * @throws {InvalidOptionError} for options that cannot work, and for a public address without TLS.
 */
export function redisStore(
  given: RedisClient | RedisStoreOptions,
  settings: RedisStoreSettings = isRedisClient(given) ? {} : (given ?? {}),
): RedisStore {
  const { storeName: name, maxKeyBytes, maxValueBytes } = resolveSettings(settings)
  const { exchange, refusals, subscriber: makeSubscriber, close } = connect(given, settings)
  const gets = new GetBatcher(exchange)
  const atomic = atomicWrites(exchange, refusals)
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
  const setArguments = (key: string, bytes: Uint8Array, ttlMs: number): RedisArgument[] =>
    px(ttlMs) === '' ? [key, asBuffer(bytes)] : [key, asBuffer(bytes), 'PX', px(ttlMs)]
  const remove = async (operation: string, keys: readonly string[]) => {
    await exchange.run(operation, (client) => counted(client, 'DEL', [...keys]))
  }

  return {
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
      return gets.get(key)
    },
    async set(key: string, bytes: Uint8Array, { ttlMs }: Keep) {
      check('set', key)
      checkValue('set', bytes)
      if (ttlMs <= 0) return remove('set', [key])
      await exchange.run('set', (client) =>
        acknowledged(client, 'SET', setArguments(key, bytes, ttlMs)),
      )
    },
    async delete(key: string) {
      check('delete', key)
      await remove('delete', [key])
    },
    async getMany(keys: readonly string[]) {
      if (closed) throw closedError({ store: name, operation: 'getMany' })
      for (const key of keys) check('getMany', key)
      return gets.many(keys, 'getMany')
    },
    async setMany(entries: readonly StoreEntry[]) {
      if (closed) throw closedError({ store: name, operation: 'setMany' })
      for (const { key, bytes } of entries) {
        check('setMany', key)
        checkValue('setMany', bytes)
      }
      const commands = entries.map(({ key, bytes, ttlMs }) =>
        ttlMs <= 0 ? ['del', key] : ['set', ...setArguments(key, bytes, ttlMs)],
      )
      await Promise.all(
        chunks(commands).map((chunk) => exchange.run('setMany', (client) => all(client, chunk))),
      )
    },
    async deleteMany(keys: readonly string[]) {
      if (closed) throw closedError({ store: name, operation: 'deleteMany' })
      for (const key of keys) check('deleteMany', key)
      await Promise.all(chunks(keys).map((chunk) => remove('deleteMany', chunk)))
    },
    async add(key: string, bytes: Uint8Array, { ttlMs }: Keep) {
      check('add', key)
      checkValue('add', bytes)
      // Nothing is to be stored, so what is there is all there is to say.
      if (ttlMs <= 0) return gets.get(key)
      return atomic.add(key, asBuffer(bytes), px(ttlMs))
    },
    async replace(key: string, head: Uint8Array, bytes: Uint8Array, { ttlMs }: Keep) {
      check('replace', key)
      checkValue('replace', bytes)
      return atomic.replace(key, asBuffer(head), asBuffer(bytes), px(ttlMs))
    },
    async touch(key: string, { ttlMs }: Keep) {
      check('touch', key)
      if (ttlMs <= 0)
        return exchange.run('touch', async (client) => (await counted(client, 'DEL', [key])) === 1)
      const ttl = px(ttlMs)
      if (ttl !== '') {
        return exchange.run(
          'touch',
          async (client) => (await counted(client, 'PEXPIRE', [key, ttl])) === 1,
        )
      }
      // PERSIST says 0 also of an entry that had no end, so EXISTS is asked whether there is one.
      return exchange.run('touch', async (client) => {
        const [, exists] = await Promise.all([
          counted(client, 'PERSIST', [key]),
          counted(client, 'EXISTS', [key]),
        ])
        return exists === 1
      })
    },
    list: (prefix: string) => listKeys(exchange, prefix),
    bus() {
      if (closed) throw closedError({ store: name, operation: 'bus' })
      subscriber ??= makeSubscriber(defaultChannel)
      const bus = busHandle(exchange, subscriber, refusals, defaultChannel, () => buses.delete(bus))
      buses.add(bus)
      return bus
    },
    metrics(): Promise<StoreMetrics> {
      return exchange.run('metrics', async (client) => {
        try {
          return metricsOf(String(await client.callBuffer('INFO', [])))
        } catch (error) {
          // Without the right to INFO everything is unknown, which is no failure.
          if (refusals.note('INFO', error)) return {}
          throw error
        }
      })
    },
    async close() {
      if (closed) return
      closed = true
      for (const bus of buses) await bus.close()
      close()
    },
  }
}

function chunks<T>(all: readonly T[]): T[][] {
  const parts: T[][] = []
  for (let at = 0; at < all.length; at += perCommand) parts.push(all.slice(at, at + perCommand))
  return parts
}

async function acknowledged(client: RedisClient, command: string, args: RedisArgument[]) {
  if (String(await client.callBuffer(command, args)) !== 'OK') throw new ReplyMismatch()
}

async function counted(client: RedisClient, command: string, args: RedisArgument[]) {
  const reply = await client.callBuffer(command, args)
  if (typeof reply !== 'number') throw new ReplyMismatch()
  return reply
}

/** Runs all commands in one write, and rejects with the first refusal once all are answered. */
async function all(client: RedisClient, commands: unknown[][]): Promise<void> {
  const results = (await client.pipeline(commands).exec()) ?? []
  for (const [error] of results) if (error) throw error
  if (results.length !== commands.length) throw new ReplyMismatch()
}
