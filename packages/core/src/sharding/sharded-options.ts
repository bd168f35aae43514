import { type Clock, systemClock } from '../clock.ts'
import { InvalidOptionError } from '../errors.ts'
import { type Duration, parseDuration } from '../options/duration.ts'
import { readStore } from '../options/far-settings.ts'
import { refuseUnknownNames } from '../options/known-names.ts'
import { readBoolean, readCount, readName, readObject, readOneOf } from '../options/readers.ts'
import type { Store } from '../store/store.ts'
import { poolOnlyNames } from './nutcracker/pool.ts'
import { createRing, type Ring } from './ring.ts'
import type { RingOptions, RingServer } from './ring-options.ts'

/** What becomes of the keys of a server that does not answer. */
export type OnFailure = 'fail-fast' | 'gutter' | 'rehash' | 'replica'

/** One server: its place in the ring, and the store that speaks to it. */
export interface ShardServerOptions extends RingServer {
  readonly store: Store
}

/** When a server is taken out, and when it is tried again. */
export interface EjectOptions {
  /** Failures one after the other. Default 3, with `'rehash'` 2; 0 acts as 1. */
  readonly failureLimit?: number | undefined
  /** How long before it is tried again. Default: 250 ms, doubled up to 1 s; with `'rehash'` 30 s, as in twemproxy. */
  readonly retryAfter?: Duration | undefined
  /** `false` with `'rehash'`: it comes back untested, exactly as in twemproxy. Default `true`. */
  readonly probe?: boolean | undefined
}

export interface ShardedStoreOptions extends Omit<RingOptions, 'servers'> {
  readonly servers: readonly ShardServerOptions[]
  /** The store's label in messages and metrics. Default `'sharded'`. */
  readonly name?: string | undefined
  /**
   * What becomes of the keys of a server that is out. `'fail-fast'` (default): operations on them fail at once.
   * `'gutter'`: they live for a short while in `gutter`, or on the other servers. `'rehash'`: the ring is built anew
   * without it, as twemproxy's auto_eject_hosts does. `'replica'`: every key is on two servers.
   */
  readonly onFailure?: OnFailure | undefined
  /** With `'gutter'`: where keys of servers that are out live. Default: on the other servers of the ring. */
  readonly gutter?: Store | undefined
  /** With `'gutter'`: the longest life of what is stored there. Default `'10s'`. */
  readonly gutterTtl?: Duration | undefined
  readonly eject?: EjectOptions | undefined
  /**
   * How long one server may take for one operation; `Infinity` = for ever. It should end well before the cache's
   * `storeTimeout`, so that the other servers' answers are still in time. Default `'100ms'`. In a pool of twemproxy's
   * 0 stands for `Infinity`.
   */
  readonly timeout?: Duration | undefined
  /**
   * How long a server that answers again is watched before it is believed: by then every other process has seen it
   * too, and has made up for the deletes it missed. Default `'1s'`, or `eject.retryAfter` where that is less; with
   * `'rehash'` 0.
   */
  readonly quarantine?: Duration | undefined
  /** Keys that are remembered per server because it missed their deletion; what does not fit is refused. Default 50,000. */
  readonly journal?: number | undefined
  /** Sockets that each store opens, for `explain`. Default 1. */
  readonly socketsPerServer?: number | undefined
  /** Processes that use the servers in this way, for `explain`. Default 1. */
  readonly processes?: number | undefined
  /** Source of time and chance. Default: the machine's. */
  readonly clock?: Clock | undefined
}

export interface ShardedSettings {
  readonly name: string
  readonly onFailure: OnFailure
  readonly gutter: Store | undefined
  /** `Infinity` where a stand-in keeps entries as long as their own server would. */
  readonly standInTtlMs: number
  readonly failureLimit: number
  readonly retryAfterMs: number
  readonly maxRetryAfterMs: number
  readonly probes: boolean
  readonly timeoutMs: number
  readonly quarantineMs: number
  readonly journalKeys: number
  readonly socketsPerServer: number
  readonly processes: number
  /** twemproxy counts a Redis server that is out of memory as failed. */
  readonly fullIsFailure: boolean
  readonly clock: Clock
  /** @throws InvalidOptionError for a list that makes no ring. */
  ringOf(servers: unknown): Ring
}

const ringNames = [
  'distribution',
  'hash',
  'hashTag',
  'charSign',
  'seed',
  'compat',
  'random',
] as const
const ownNames = [
  'servers',
  'onFailure',
  'gutter',
  'gutterTtl',
  'eject',
  'quarantine',
  'journal',
  'socketsPerServer',
  'processes',
  'clock',
] as const
const policies = ['fail-fast', 'gutter', 'rehash', 'replica'] as const satisfies OnFailure[]

/** @throws InvalidOptionError naming the option, what it takes and what came. */
export function resolveSharded(given: ShardedStoreOptions): ShardedSettings {
  const options = readObject(given, 'shardedStore') as ShardedStoreOptions & {
    readonly autoEjectHosts?: boolean
    readonly serverFailureLimit?: number
    readonly serverRetryTimeout?: number
    readonly redis?: boolean
  }
  refuseUnknownNames(options, [...ownNames, ...ringNames, ...poolOnlyNames], 'shardedStore')
  if (options.distribution === 'random') {
    throw new InvalidOptionError(
      "distribution must not be 'random' in a sharded store: a read would not find what was written; choose 'ketama' or 'modula', or leave it out",
    )
  }
  const optional = <T>(
    name: keyof ShardedStoreOptions,
    read: (value: unknown, option: string) => T,
    otherwise: T,
  ): T => (options[name] === undefined ? otherwise : read(options[name], name))

  const ejects = options.autoEjectHosts === true
  const onFailure = optional('onFailure', readOneOf(...policies), ejects ? 'rehash' : 'fail-fast')
  const rehash = onFailure === 'rehash'
  const gutter = optional<Store | undefined>('gutter', readStore, undefined)
  if (gutter !== undefined && onFailure !== 'gutter') {
    throw new InvalidOptionError(
      "gutter is used with onFailure 'gutter' only; set it, or leave gutter out",
    )
  }
  const eject = (
    options.eject === undefined ? {} : readObject(options.eject, 'eject')
  ) as EjectOptions
  refuseUnknownNames(eject, ['failureLimit', 'retryAfter', 'probe'], 'eject')
  const failureLimit = eject.failureLimit ?? options.serverFailureLimit ?? (rehash ? 2 : 3)
  const retryAfter =
    eject.retryAfter ?? (rehash ? (options.serverRetryTimeout ?? 30_000) : undefined)
  const probes = readBoolean(eject.probe ?? true, 'eject.probe')
  if (!probes && !rehash) {
    throw new InvalidOptionError("eject.probe must be true except with onFailure 'rehash'")
  }
  const retryAfterMs = parseDuration(retryAfter ?? 250, 'eject.retryAfter')
  const maxRetryAfterMs = retryAfter === undefined ? 1_000 : retryAfterMs
  const timeoutMs = parseDuration(options.timeout ?? 100, 'timeout')
  if (timeoutMs === 0 && options.compat !== 'twemproxy') {
    throw new InvalidOptionError('timeout must be above 0; Infinity waits for ever')
  }
  const ringOptions = Object.fromEntries(
    ringNames.filter((name) => options[name] !== undefined).map((name) => [name, options[name]]),
  )
  const ringOf = (servers: unknown) =>
    createRing({ ...ringOptions, servers: placesOf(servers) as RingServer[] })
  return {
    name: optional('name', readName, 'sharded'),
    onFailure,
    gutter,
    standInTtlMs:
      onFailure === 'gutter' ? parseDuration(options.gutterTtl ?? 10_000, 'gutterTtl') : Infinity,
    failureLimit: readCount(0)(failureLimit, 'eject.failureLimit'),
    retryAfterMs,
    maxRetryAfterMs,
    probes,
    timeoutMs: timeoutMs === 0 ? Infinity : timeoutMs,
    quarantineMs: parseDuration(
      options.quarantine ?? (rehash ? 0 : Math.min(1_000, maxRetryAfterMs)),
      'quarantine',
    ),
    journalKeys: optional('journal', readCount(0), 50_000),
    socketsPerServer: optional('socketsPerServer', readCount(1), 1),
    processes: optional('processes', readCount(1), 1),
    fullIsFailure: rehash && options.compat === 'twemproxy' && options.redis === true,
    clock: options.clock ?? systemClock,
    ringOf,
  }
}

/** The servers as a ring takes them; each checked for its store. */
function placesOf(servers: unknown): unknown {
  if (!Array.isArray(servers)) return servers
  return servers.map((server: unknown, index) => {
    if (typeof server !== 'object' || server === null) return server
    const { store, ...place } = server as ShardServerOptions
    readStore(store, `servers[${index}].store`)
    return place
  })
}
