import { encryptedStore } from '../store/encrypted-store.ts'
import { failoverStore } from '../store/failover-store.ts'
import { memoryStore } from '../store/memory-store.ts'
import { prefixedStore } from '../store/prefixed-store.ts'
import type { Bus, Store } from '../store/store.ts'
import { type AnyAdapters, adapterFunction } from './adapters.ts'
import { borrowed } from './borrowed.ts'
import { ConfigError } from './config-error.ts'
import { type StoreKind, storeKinds } from './config-node.ts'
import type { BusConfig, KeyConfig, StoreConfig } from './config-options.ts'

/** What a builder of stores asks of the rest. */
export interface StoreSurroundings {
  readonly adapters: AnyAdapters
  /** The store of another name, built before. */
  store(name: string): Store
  /** The options of a ring, its servers included. */
  ring(name: string): object
  /** Loaded before, where a store needs it. */
  readonly shardedStore: typeof import('../sharding/sharded-store.ts').shardedStore | undefined
}

type Build = (options: never, name: string, path: string, around: StoreSurroundings) => Store

type Making = (options: object) => Store

/** How each kind of store is made of its options, in which secrets stand in clear. */
const builders: Readonly<Record<StoreKind, Build>> = {
  redis: (options: object, name, path, { adapters }) =>
    adapterFunction<Making>(adapters, 'redis', 'redisStore', path)({ storeName: name, ...options }),
  shardedRedis: (options: object, name, path, { adapters, ring: ringOf }) => {
    const { connection, ring, ...rest } = options as { connection?: object; ring?: string }
    return adapterFunction<Making>(
      adapters,
      'redis',
      'shardedRedis',
      path,
    )({
      ...(ring === undefined ? {} : ringOf(ring)),
      name,
      ...rest,
      connection: { storeName: name, ...connection },
    })
  },
  memcached: (options: object, name, path, { adapters, store, ring: ringOf }) => {
    const { gutter, ring, ...rest } = options as { gutter?: string; ring?: string }
    return adapterFunction<Making>(
      adapters,
      'memcached',
      'memcachedStore',
      path,
    )({
      ...(ring === undefined ? {} : ringOf(ring)),
      name,
      ...rest,
      ...(gutter === undefined ? {} : { gutter: borrowed(store(gutter)) }),
    })
  },
  memory: (options: object, name) => memoryStore({ name, ...options }),
  disk: (options: object, _name, path, { adapters }) =>
    adapterFunction<Making>(adapters, 'image', 'diskStore', path)(options),
  sharded: (options: NonNullable<StoreConfig['sharded']>, name, _path, around) => {
    const { servers, gutter, seed, ...rest } = options
    return around.shardedStore!({
      name,
      ...rest,
      ...(seed === undefined ? {} : { seed: seed as string }),
      ...(gutter === undefined ? {} : { gutter: borrowed(around.store(gutter)) }),
      servers: servers.map(({ store, ...place }) => ({
        name: store,
        ...place,
        store: borrowed(around.store(store)),
      })),
    })
  },
  failover: (options: NonNullable<StoreConfig['failover']>, name, path, { store }) => {
    const { main, gutter, ...rest } = options
    if (main === gutter)
      throw new ConfigError(`${path}.gutter must be another store than main`, {
        path: `${path}.gutter`,
      })
    return failoverStore([borrowed(store(main)), borrowed(store(gutter))], { name, ...rest })
  },
  encrypted: (options: NonNullable<StoreConfig['encrypted']>, _name, _path, { store }) =>
    encryptedStore(borrowed(store(options.store)), {
      keys: keysInBytes(options.keys),
      reread: options.reread,
    }),
  prefixed: (options: NonNullable<StoreConfig['prefixed']>, _name, _path, { store }) =>
    prefixedStore(borrowed(store(options.store)), options.prefix),
}

/** The one kind a store has. */
export const kindOf = (config: StoreConfig): StoreKind =>
  storeKinds.find((kind) => config[kind] !== undefined)!

export function buildStore(name: string, config: StoreConfig, around: StoreSurroundings): Store {
  const kind = kindOf(config)
  return builders[kind](config[kind] as never, name, `stores.${name}.${kind}`, around)
}

export function buildBus(name: string, { redis, channel }: BusConfig, adapters: AnyAdapters): Bus {
  const make = adapterFunction<(options: object, settings: object) => Bus>(
    adapters,
    'redis',
    'redisBus',
    `buses.${name}.redis`,
  )
  return make(redis, channel === undefined ? {} : { channel })
}

/** Secrets of keys are bytes, which a file holds as base64 or hex. */
export const keysInBytes = (keys: readonly KeyConfig[]) =>
  keys.map(({ id, secret }) => ({ id, secret: bytesOf(secret as string) }))

function bytesOf(text: string): Uint8Array {
  if (/^[0-9a-fA-F]{64}$/.test(text)) return Buffer.from(text, 'hex')
  if (/^[A-Za-z0-9+/]{43}=$/.test(text)) return Buffer.from(text, 'base64')
  return Buffer.from(text)
}
