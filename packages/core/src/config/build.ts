import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { type Cache, createCache } from '../cache.ts'
import { isCacheError } from '../errors.ts'
import { refuseUnknownName } from '../options/known-names.ts'
import type { SessionOptions } from '../session/session-options.ts'
import type { Sessions } from '../session/sessions.ts'
import type { Ring } from '../sharding/ring.ts'
import type { Bus, Store } from '../store/store.ts'
import type { AnyAdapters } from './adapters.ts'
import { buildBus, buildStore, keysInBytes } from './build-store.ts'
import { attemptAt } from './check-node.ts'
import { ConfigError } from './config-error.ts'
import type { CacheConfig, HoldfastConfig, RingConfig } from './config-options.ts'
import { fingerprints } from './fingerprints.ts'
import { directoryOf } from './read-config.ts'
import { inClear, type Revealed } from './revealed.ts'

/** Something that was built, and what it was built from. */
export interface Part<T> {
  readonly made: T
  /** Equal for two that would be built alike, down to the stores behind. */
  readonly print: string
}

/** Everything but images, which stand on caches. */
export interface Parts {
  readonly stores: ReadonlyMap<string, Part<Store>>
  readonly buses: ReadonlyMap<string, Part<Bus>>
  readonly rings: ReadonlyMap<string, Part<Ring>>
  readonly caches: ReadonlyMap<string, Part<Cache>>
  readonly sessions: ReadonlyMap<string, Part<Sessions>>
}

export const noParts: Parts = {
  stores: new Map(),
  buses: new Map(),
  rings: new Map(),
  caches: new Map(),
  sessions: new Map(),
}

/**
 * Builds what a configuration says; of `before`, what is alike is taken over. Where one part cannot be built, those
 * that were are closed again.
 * @throws ConfigError, as a rejection, with the path.
 */
export async function buildParts(
  config: HoldfastConfig,
  revealed: Revealed,
  adapters: AnyAdapters,
  before: Parts = noParts,
): Promise<Parts> {
  const clear = inClear(config, revealed)
  const pools = await poolsOf(config)
  const prints = fingerprints(config, revealed, pools)
  const { shardedStore } = usesRings(config)
    ? await import('../sharding/sharded-store.ts')
    : { shardedStore: undefined }
  const { createRing } = usesRings(config) ? await import('../sharding/ring.ts') : {}
  const { createSessions } =
    config.sessions === undefined ? {} : await import('../session/sessions.ts')

  const stores = new Map<string, Part<Store>>()
  const parts = {
    stores,
    buses: new Map(),
    rings: new Map(),
    caches: new Map(),
    sessions: new Map(),
  }
  const build = <T>(kind: keyof Parts, name: string, make: () => T): T => {
    const into = parts[kind] as Map<string, Part<T>>
    const print = prints(kind, name)
    const old = before[kind].get(name) as Part<T> | undefined
    const part = old?.print === print ? old : { made: named(`${kind}.${name}`, make), print }
    into.set(name, part)
    return part.made
  }
  const storeOf = (name: string): Store =>
    stores.get(name)?.made ??
    build('stores', name, () =>
      buildStore(name, clear.stores![name]!, {
        adapters,
        store: storeOf,
        ring: (ring) => ringOptions(clear.rings![ring]!, pools.get(ring)),
        shardedStore,
      }),
    )

  try {
    for (const name of namesOf(clear.stores)) storeOf(name)
    for (const [name, bus] of Object.entries(clear.buses ?? {}))
      build('buses', name, () => buildBus(name, bus, adapters))
    for (const [name, ring] of Object.entries(clear.rings ?? {}))
      build('rings', name, () => createRing!(ringOptions(ring, pools.get(name)) as never))
    for (const [name, cache] of Object.entries(clear.caches ?? {}))
      build('caches', name, () => createCache(cacheOptions(name, cache, storeOf, parts.buses)))
    for (const [name, session] of Object.entries(clear.sessions ?? {}))
      build('sessions', name, () =>
        createSessions!({
          ...(session as unknown as SessionOptions),
          store: storeOf(session.store),
        }),
      )
  } catch (error) {
    await closeParts(parts, before)
    throw error
  }
  return parts
}

/** Closes what is in `parts` and not in `kept`: caches first, and stores last. */
export async function closeParts(parts: Parts, kept: Parts = noParts): Promise<void> {
  for (const kind of ['caches', 'buses', 'stores'] as const) {
    const still = new Set([...kept[kind].values()].map(({ made }) => made as unknown))
    const gone = [...parts[kind].values()].filter(({ made }) => !still.has(made))
    await Promise.allSettled(gone.map(async ({ made }) => made.close?.()))
  }
}

const namesOf = (section: object | undefined) => Object.keys(section ?? {})

const usesRings = ({ rings, stores = {} }: HoldfastConfig) =>
  rings !== undefined || Object.values(stores).some(({ sharded }) => sharded !== undefined)

/** AnyAdapters and core say which option is wrong; here is said whose. */
export function named<T>(path: string, make: () => T): T {
  try {
    return make()
  } catch (error) {
    if (error instanceof ConfigError) throw error
    if (isCacheError(error)) throw new ConfigError(`${path}: ${error.message}`, { path })
    // Somebody else's message may hold anything.
    throw new ConfigError(
      `${path} could not be built: ${error instanceof Error ? error.name : 'something else than an error'} was thrown`,
      { path },
    )
  }
}

function cacheOptions(
  name: string,
  { store, bus, codec, ...rest }: CacheConfig,
  storeOf: (name: string) => Store,
  buses: ReadonlyMap<string, Part<Bus>>,
) {
  return {
    name,
    ...rest,
    ...(store === undefined ? {} : { store: storeOf(store) }),
    ...(bus === undefined ? {} : { bus: bus === false ? bus : buses.get(bus)!.made }),
    ...(codec === undefined
      ? {}
      : {
          codec: {
            compression: codec.compression,
            ...(codec.integrity && { integrity: { keys: keysInBytes(codec.integrity.keys) } }),
          },
        }),
  }
}

function ringOptions({ nutcracker: _, pool: _pool, ...options }: RingConfig, found: unknown) {
  return found === undefined ? options : { ...(found as object), ...options }
}

/** The pools that rings take from files. */
export async function poolsOf(config: HoldfastConfig): Promise<ReadonlyMap<string, unknown>> {
  const pools = new Map<string, unknown>()
  for (const [name, { nutcracker, pool }] of Object.entries(config.rings ?? {})) {
    if (nutcracker === undefined) continue
    const path = `rings.${name}.nutcracker`
    const { parseNutcracker } = await import('../sharding/nutcracker/parse-nutcracker.ts')
    const text = await readFile(resolve(directoryOf(config), nutcracker), 'utf8').catch(
      ({ code }: NodeJS.ErrnoException) => {
        throw new ConfigError(`${path} refers to ${nutcracker}, which cannot be read (${code})`, {
          path,
        })
      },
    )
    const found = named(path, () => parseNutcracker(text).pools)
    const names = Object.keys(found)
    const wanted = pool ?? (names.length === 1 ? names[0]! : '')
    attemptAt(`rings.${name}.pool`, () =>
      refuseUnknownName(wanted, names, `rings.${name}.pool: ${nutcracker} has no pool`),
    )
    pools.set(name, found[wanted])
  }
  return pools
}
