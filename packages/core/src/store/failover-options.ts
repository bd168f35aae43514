import { type Clock, systemClock } from '../clock.ts'
import { InvalidOptionError } from '../errors.ts'
import { type Duration, parseDuration } from '../options/duration.ts'
import { unmet } from '../options/expectation.ts'
import { readStore } from '../options/far-settings.ts'
import { refuseUnknownNames } from '../options/known-names.ts'
import { readCount, readName, readObject } from '../options/readers.ts'
import type { ShardedSettings } from '../sharding/sharded-options.ts'
import type { Store } from './store.ts'

export interface FailoverStoreOptions {
  /** The longest life of what the stand-in keeps: what it still has of the last time must be over soon. Default `'10s'`. */
  readonly ttl?: Duration | undefined
  /** The store's label in messages and metrics. Default: the main store's. */
  readonly name?: string | undefined
  /** How long one store may take for one operation. It should end well before the cache's `storeTimeout`. Default `'100ms'`. */
  readonly timeout?: Duration | undefined
  /** Failures one after the other that take a store out. Default 3. */
  readonly failureLimit?: number | undefined
  /** How long before a store that is out is probed; doubled up to a second. Default `'250ms'`. */
  readonly retryAfter?: Duration | undefined
  /** How long a main store that answers again is watched before it is believed: by then every process has made up for the deletes it missed. Default `'1s'`. */
  readonly quarantine?: Duration | undefined
  /** Keys remembered because the main store missed their deletion; what does not fit is refused. Default 50,000. */
  readonly journal?: number | undefined
  /** Source of time and chance. Default: the machine's. */
  readonly clock?: Clock | undefined
}

const names = [
  'ttl',
  'name',
  'timeout',
  'failureLimit',
  'retryAfter',
  'quarantine',
  'journal',
  'clock',
] as const

/** As its servers and their recovery want it: there are two, and nothing to choose between. */
export interface FailoverSettings extends ShardedSettings {
  readonly ttlMs: number
}

/** @throws InvalidOptionError */
export function readStores(stores: unknown): readonly [Store, Store] {
  const list = Array.isArray(stores) ? stores : []
  if (list.length !== 2 || list[0] === list[1]) {
    throw unmet(
      'the stores of failoverStore',
      'two different ones, [main, gutter]',
      stores,
      Array.isArray(stores) ? `an array of ${stores.length}` : undefined,
    )
  }
  return [
    readStore(list[0], 'the main store of failoverStore'),
    readStore(list[1], 'the gutter of failoverStore'),
  ]
}

/** @throws InvalidOptionError */
export function resolveFailover(given: unknown, main: Store): FailoverSettings {
  const options = readObject(given, 'failoverStore') as FailoverStoreOptions
  refuseUnknownNames(options, names, 'failoverStore')
  const bounded = (value: unknown, option: string) => {
    const ms = parseDuration(value, option)
    if (ms > 0 && ms < Number.POSITIVE_INFINITY) return ms
    throw unmet(option, 'a duration above 0, and not Infinity', value)
  }
  const ttlMs = bounded(options.ttl ?? '10s', 'ttl')
  const retryAfterMs = bounded(options.retryAfter ?? 250, 'retryAfter')
  return {
    name: options.name === undefined ? main.name : readName(options.name, 'name'),
    ttlMs,
    standInTtlMs: ttlMs,
    onFailure: 'gutter',
    gutter: undefined,
    failureLimit: readCount(1)(options.failureLimit ?? 3, 'failureLimit'),
    retryAfterMs,
    maxRetryAfterMs: Math.max(retryAfterMs, 1_000),
    probes: true,
    timeoutMs: bounded(options.timeout ?? 100, 'timeout'),
    quarantineMs: parseDuration(options.quarantine ?? 1_000, 'quarantine'),
    journalKeys: readCount(0)(options.journal ?? 50_000, 'journal'),
    socketsPerServer: 1,
    processes: 1,
    fullIsFailure: false,
    clock: options.clock ?? systemClock,
    ringOf: () => {
      throw new InvalidOptionError('a failover store has no ring')
    },
  }
}
