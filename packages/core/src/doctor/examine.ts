import { randomBytes } from 'node:crypto'
import { systemClock } from '../clock.ts'
import type { Adapters } from '../config/adapters.ts'
import { poolsOf } from '../config/build.ts'
import type { HoldfastConfig, StoreConfig } from '../config/config-options.ts'
import { createFromConfig } from '../config/create-from-config.ts'
import { inClear, revealSecrets } from '../config/revealed.ts'
import { isCacheError } from '../errors.ts'
import type { Store } from '../store/store.ts'
import { checkCapacity } from './capacity.ts'
import { checkConfiguration } from './config-checks.ts'
import { type Finding, notesInto } from './finding.ts'
import type { ServerRoom } from './patient.ts'
import { type Address, checkServers, storesBehind } from './servers.ts'

/** Brings an adapter from where the caller has it. @throws for one that is not installed */
export type ImportAdapter = (name: string) => Promise<object>

export interface Examination {
  readonly importAdapter: ImportAdapter
  /** How long one server may take for one answer. */
  readonly timeoutMs: number
  /** The folder in which adapters are looked for, for messages. */
  readonly directory: string
}

/** Looks at a configuration and at every server it names. */
export async function examine(
  config: HoldfastConfig,
  { importAdapter, timeoutMs, directory }: Examination,
): Promise<Finding[]> {
  const findings: Finding[] = []
  checkConfiguration(config, findings)
  const clear = inClear(config, await revealSecrets(config))
  const stores = clear.stores ?? {}
  const ofSessions = storesBehind(stores, storesOf(clear.sessions))
  const ofCaches = storesBehind(stores, storesOf(clear.caches))
  const { processes = 1, serverConnections = 65_000 } = clear.fleet ?? {}

  const pools = await poolsOf(config)
  const serversOf = (ring: string) =>
    (pools.get(ring) as { servers: readonly Address[] } | undefined)?.servers ??
    (clear.rings?.[ring]?.servers as readonly Address[])
  const rooms = new Map<string, (ServerRoom | undefined)[]>()
  await Promise.all(
    Object.entries(stores).map(async ([name, store]) => {
      const hasCaches = ofCaches.has(name)
      const patient = {
        part: `stores.${name}`,
        hasSessions: ofSessions.has(name),
        // Commands go over one, and a cache that is told of invalidations listens on a second one.
        socketsPerServer: hasCaches && store.memcached === undefined ? 2 : 1,
        processes,
        serverConnections,
        timeoutMs,
        findings,
      }
      rooms.set(name, await checkServers(store, patient, serversOf))
    }),
  )
  await Promise.all(
    Object.entries(clear.buses ?? {}).map(async ([name, { redis }]) => {
      const own: Finding[] = []
      const patient = {
        part: `buses.${name}`,
        hasSessions: false,
        socketsPerServer: 2,
        processes,
        serverConnections,
        timeoutMs,
        findings: own,
      }
      await checkServers({ redis }, patient, serversOf)
      // Nothing is kept there: how it makes room and what it writes to disk is others' business.
      findings.push(...own.filter(({ check }) => !ofStorage.has(check)))
    }),
  )
  tellNeighbours(findings, ofSessions, ofCaches)
  for (const [name, { capacity, sharded }] of Object.entries(stores))
    if (capacity !== undefined)
      checkCapacity(
        notesInto(findings, `stores.${name}`),
        capacity,
        roomOf(name, stores, rooms),
        sharded?.onFailure === 'replica' ? 2 : 1,
      )
  await useStores(config, await adaptersFor(clear, importAdapter, directory, findings), findings)
  return findings
}

/** Two stores may be one server. */
function tellNeighbours(
  findings: Finding[],
  ofSessions: ReadonlySet<string>,
  ofCaches: ReadonlySet<string>,
): void {
  const storesAt = new Map<string, Set<string>>()
  for (const { part, server } of findings)
    if (server !== undefined)
      storesAt.set(server, (storesAt.get(server) ?? new Set()).add(part.replace('stores.', '')))
  for (const [server, names] of storesAt) {
    const session = [...names].find((name) => ofSessions.has(name))
    const cache = [...names].find((name) => ofCaches.has(name))
    if (session === undefined || cache === undefined) continue
    notesInto(findings, `stores.${session}`, server).warning(
      'neighbours',
      `caches (stores.${cache}) share the server with sessions: what fills it refuses new sessions or drops old ones`,
      'give the caches a server of their own, with allkeys-lfu',
    )
  }
}

const ofStorage = new Set(['eviction', 'maxmemory', 'memory', 'persistence'])

const storesOf = (parts: Readonly<Record<string, { readonly store?: string | undefined }>> = {}) =>
  Object.values(parts).flatMap(({ store }) => (store === undefined ? [] : [store]))

/** What all servers behind a store have together; `undefined` where one does not say. A gutter does not count. */
function roomOf(
  name: string,
  stores: Readonly<Record<string, StoreConfig>>,
  rooms: ReadonlyMap<string, (ServerRoom | undefined)[]>,
): number | undefined {
  const { sharded, failover, encrypted, prefixed, memory } = stores[name]!
  if (memory !== undefined) return memory.maxBytes
  const inner =
    sharded?.servers.map(({ store }) => store) ??
    [failover?.main ?? encrypted?.store ?? prefixed?.store].filter((each) => each !== undefined)
  const parts =
    inner.length > 0
      ? inner.map((each) => roomOf(each, stores, rooms))
      : (rooms.get(name) ?? []).map((room) => room?.limitBytes)
  if (parts.length === 0 || parts.includes(undefined)) return undefined
  return (parts as number[]).reduce((sum, part) => sum + part, 0)
}

/** `undefined` where one is missing, which is then told. */
async function adaptersFor(
  { stores = {}, buses, images }: HoldfastConfig,
  importAdapter: ImportAdapter,
  directory: string,
  findings: Finding[],
): Promise<Adapters | undefined> {
  const has = (...kinds: (keyof StoreConfig)[]) =>
    Object.values(stores).some((store) => kinds.some((kind) => store[kind] !== undefined))
  const wanted = {
    redis: has('redis', 'shardedRedis') || buses !== undefined,
    memcached: has('memcached'),
    image: has('disk') || images !== undefined,
  }
  const adapters: Record<string, object> = {}
  let isComplete = true
  for (const [name, isWanted] of Object.entries(wanted)) {
    if (!isWanted) continue
    const adapter = `@holdfast/${name}`
    try {
      adapters[name] = await importAdapter(adapter)
    } catch {
      isComplete = false
      notesInto(findings, adapter).critical(
        'installed',
        `the configuration needs it, and it cannot be loaded from ${directory}`,
        `npm install ${adapter}${name === 'redis' ? ' ioredis' : ''} there, or run the doctor in the application's folder`,
      )
    }
  }
  return isComplete ? (adapters as Adapters) : undefined
}

/** Builds everything as the application would, and sends a value of its own there and back. */
async function useStores(
  config: HoldfastConfig,
  adapters: Adapters | undefined,
  findings: Finding[],
): Promise<void> {
  if (adapters === undefined) return
  let made: Awaited<ReturnType<typeof createFromConfig>>
  try {
    made = await createFromConfig(config, adapters)
  } catch (error) {
    const isOurs = isCacheError(error)
    notesInto(findings, (isOurs && (error as { path?: string }).path) || 'configuration').critical(
      'build',
      isOurs ? (error as Error).message : 'it cannot be built',
      'correct it: the application would not start',
    )
    return
  }
  try {
    await Promise.all(
      Object.entries(made.stores).map(async ([name, store]) => {
        const { memory, disk } = config.stores![name]!
        if (memory === undefined && disk === undefined) await roundTrip(name, store, findings)
      }),
    )
  } finally {
    await made.close({ drain: 0 })
  }
}

async function roundTrip(name: string, store: Store, findings: Finding[]): Promise<void> {
  const notes = notesInto(findings, `stores.${name}`)
  const key = `holdfast:doctor:${randomBytes(8).toString('hex')}`
  const bytes = randomBytes(64)
  const began = systemClock.monotonic()
  try {
    await store.set(key, bytes, { ttlMs: 10_000 })
    const back = await store.get(key)
    await store.delete(key)
    const ms = systemClock.monotonic() - began
    if (back === undefined || !bytes.equals(back))
      notes.critical(
        'round trip',
        'a value that was stored did not come back',
        'look for a replica in the place of a primary, or a server without memory',
      )
    else notes.ok('round trip', `a value went there and back in ${ms.toFixed(1)} ms`)
  } catch (error) {
    const kind = (error as { kind?: string }).kind ?? 'unknown'
    notes.critical(
      'round trip',
      `the store fails (${kind})`,
      kind === 'denied'
        ? 'grant the user the commands in the README of the adapter'
        : 'see what is said of its servers',
    )
  }
}
