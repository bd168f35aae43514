import type { StoreError } from '../errors.ts'

/**
 * The contract between core and a store that processes share. These docstrings are the manual of whoever writes an
 * adapter; `storeConformance` in `@holdfast/core/testing` checks every sentence that can be checked.
 *
 * A store is bytes in, bytes out. Serialization, key prefixes, tags, claims, deadlines, retries and breakers are
 * core's, so an adapter is a translation and nothing else. What every method may rely on: keys are non-empty
 * well-formed strings, any character included; `ttlMs` is a number and never `NaN`; bytes handed in are not changed
 * until the promise settles. What every method owes: it answers by a promise and never by throwing, it fails with a
 * `StoreError`, it never answers with another key's bytes, and bytes it hands out belong to the caller alone.
 */

/**
 * Facts that a method cannot show. Written down by hand, never probed: core acts on them, and the conformance suite
 * fails a store that does not live up to its own words.
 */
export interface StoreCapabilities {
  /**
   * The step in which the store counts a time to live, in milliseconds: 1 for Redis, 1000 for Memcached. A `ttlMs`
   * is rounded up to it; an entry may end up to one step early or late, and never stays for good.
   */
  readonly ttlGranularityMs: number
  /** The longest key the store takes, in bytes of UTF-8. `Infinity` where there is no limit. */
  readonly maxKeyBytes: number
  /** The largest value the store takes, in bytes. `Infinity` where there is no limit. */
  readonly maxValueBytes: number
  /** True where what is stored cannot be read without a key. Only the first 17 bytes of a value stay in clear. */
  readonly encrypted?: boolean
  /** True where the store may drop an entry before its end, for room. A refused overwrite may then drop the old value. */
  readonly evicts?: boolean
}

/** How long to keep what is stored. */
export interface Keep {
  /**
   * Milliseconds from now, counted by the store's own clock. `Infinity`: until deleted. Zero or less: already over,
   * so nothing is stored, and what was there is removed.
   */
  readonly ttlMs: number
}

/** One of the entries that `setMany` stores. */
export interface StoreEntry extends Keep {
  readonly key: string
  readonly bytes: Uint8Array
}

/**
 * What the engine behind a store says about itself. A store fills in what it knows; an absent member is unknown,
 * which is not zero. Counters count since the engine started.
 */
export interface StoreMetrics {
  readonly hits?: number
  readonly misses?: number
  readonly evictions?: number
  readonly entries?: number
  readonly usedBytes?: number
  /** The most the engine may use. Absent where it has no bound. */
  readonly limitBytes?: number
  readonly connections?: number
  readonly maxConnections?: number
  /** Processor time used, system time included, in milliseconds. */
  readonly cpuMs?: number
  /** How long the engine has been running, in milliseconds. */
  readonly uptimeMs?: number
  /** How far the slowest replica is behind, in milliseconds. */
  readonly replicationLagMs?: number
  /** Entries that were found damaged and treated as absent. */
  readonly damaged?: number
}

/**
 * A store. The three required methods are enough; each optional one is a speed-up or an ability. Core fills in a
 * correct default for a missing `getMany`, `setMany`, `deleteMany` and `touch`. Without `add` and `replace` processes
 * do not share claims: each of them loads a cold key once.
 */
export interface Store {
  /** A short label for messages and metrics. It holds no address and no secret. */
  readonly name: string
  readonly capabilities: StoreCapabilities

  /**
   * The bytes under `key`, or `undefined` where there are none. An empty value is a value. They may be a view into
   * a larger buffer, so whoever keeps them for long copies them.
   * @throws {StoreError} by rejecting.
   */
  get(key: string): Promise<Uint8Array | undefined>
  /**
   * Stores `bytes` under `key`; the new time to live replaces an older one.
   * @throws {StoreError} `too-large` or `invalid-key` beyond the declared limits; then nothing is stored, and the old
   * value stays (or is gone, where the store `evicts`).
   */
  set(key: string, bytes: Uint8Array, keep: Keep): Promise<void>
  /** Removes `key`. Resolves also when there was nothing. */
  delete(key: string): Promise<void>

  /** The bytes of each key, in the order asked: gaps are `undefined`, a key asked twice is answered twice. */
  getMany?(keys: readonly string[]): Promise<(Uint8Array | undefined)[]>
  /** Stores all entries. Rejects when one could not be stored; the others may have been. */
  setMany?(entries: readonly StoreEntry[]): Promise<void>
  /** Removes all keys. Rejects when one could not be removed; the others may have been. */
  deleteMany?(keys: readonly string[]): Promise<void>

  /**
   * In one atomic step: stores `bytes` and resolves `undefined` where there was nothing, else changes nothing, the
   * time to live included, and resolves what is there.
   */
  add?(key: string, bytes: Uint8Array, keep: Keep): Promise<Uint8Array | undefined>
  /**
   * In one atomic step: stores `bytes` with a new time to live if what is stored begins with `head`, and says whether
   * it did. Where nothing is stored it stores nothing. Core's heads are 17 bytes long.
   */
  replace?(key: string, head: Uint8Array, bytes: Uint8Array, keep: Keep): Promise<boolean>
  /** Gives an entry a new time to live and says whether there was one. It never creates one. */
  touch?(key: string, keep: Keep): Promise<boolean>
  /** All keys that begin with `prefix`, each at least while it exists throughout. For tools: it may walk everything. */
  list?(prefix: string): AsyncIterable<string>

  /**
   * Calls `listener` when another server than before takes the writes, or the same one has started again: then writes
   * which the former one acknowledged may be lost, since replicas follow a moment later. It is called before anything
   * is read of the new one, and core makes the invalidations of the last minute once more. The answer ends it. For
   * stores whose server can change behind them.
   */
  onPrimaryChange?(listener: () => void): () => void
  /**
   * Another process says that it has changed these keys, or, where none are named, perhaps any: reads that begin after
   * this call are not answered from before it. For stores that read from copies which follow a moment later.
   */
  changedElsewhere?(keys?: readonly string[]): void
  /** A new handle on the channel over which the users of this store tell each other what they invalidated. */
  bus?(): Bus
  metrics?(): Promise<StoreMetrics>
  /**
   * Ends every connection this store opened; one that was handed in stays open. May be called twice. Every later
   * call, and every call still waiting, rejects with `ClosedError` or with a `StoreError` of kind `closed`.
   */
  close?(): Promise<void>
}

/** What is known of one key after a read that not every key may have survived. */
export type SettledRead = Uint8Array | undefined | null | StoreError

/**
 * What a store over several servers has besides: when one of them is out, core has to tell a version that is not there
 * from one that cannot be read. A store around such a store passes it on.
 */
export interface SettledReads {
  /**
   * As `getMany`, but never rejects for some of the keys: a `StoreError` stands for one that could not be read, and
   * `null` for one that is not there while its own server, which may hold something, cannot be asked.
   */
  getManySettled(keys: readonly string[]): Promise<SettledRead[]>
  /** The server that a key belongs to, for whoever asks why. */
  explain?(key: string): { readonly server: string }
}

/** What a store over several servers tells besides: a sum says little of the one that is full. */
export interface MetricsByServer {
  /** As `metrics`, each server that answered by itself, under the name it has in the list of servers. */
  metricsByServer(): Promise<ReadonlyMap<string, StoreMetrics>>
}

/** Whether a server of several is used: `ejected` ones are only probed, a `gutter` stands in for them. */
export interface ServerState {
  readonly state: 'live' | 'ejected' | 'gutter'
  /** Times it was taken out since the store was made. */
  readonly ejections: number
}

/** What a store that takes servers out of use tells besides: the others answer, so nothing else shows it. */
export interface ServerStates {
  serverStates(): ReadonlyMap<string, ServerState>
}

/** What a store that does not hand out all it finds has besides, so that a cache over it can tell of what is kept back. */
export interface RefusedReads {
  /** Hears of each value that was there and not believed, by the store's key, until the returned function is called. */
  onRefused(listener: (key: string, reason: string) => void): () => void
}

/**
 * A channel that carries small messages between processes, at most once and without memory. It only carries bytes:
 * gaps, repeats and silence are noticed by core, which numbers its messages.
 */
export interface Bus {
  /**
   * Sends `message` to every subscriber of every process, this one included.
   * @throws {StoreError} by rejecting, where the message surely did not go out.
   */
  publish(message: Uint8Array): Promise<void>
  /**
   * Starts listening; the answer ends it. Neither listener is called before `subscribe` has returned, and neither
   * ever throws.
   * @param onMessage is given each message, in the order in which one publisher sent them.
   * @param onState is told `up` once messages arrive, and each change after that. `up` again means that messages may
   * have been lost in between, so a bus that only suspects a loss says `down`, then `up`.
   * @throws {ClosedError} after `close`.
   */
  subscribe(
    onMessage: (message: Uint8Array) => void,
    onState: (state: BusState) => void,
  ): () => void
  /** Ends what this bus opened. May be called twice. Nobody is called afterwards, and `publish` rejects. */
  close(): Promise<void>
}

/** Whether messages of others arrive at present. */
export type BusState = 'up' | 'down'
