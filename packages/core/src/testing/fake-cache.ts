import { type Cache, createCache, type LoadedMany } from '../cache.ts'
import type { CheckedDefinition, Defined, Definition } from '../define.ts'
import { isolate, type ValueMode } from '../entry/isolate.ts'
import { InvalidOptionError } from '../errors.ts'
import { assertKey } from '../keys/assert-key.ts'
import type { CacheEvents, EventName } from '../observe/events.ts'
import { inside } from '../observe/inside.ts'
import type { Duration } from '../options/duration.ts'
import type { CacheOptions, EntryOptions, NamespaceOptions } from '../options/options.ts'
import type { LoaderContext } from '../read/loader-context.ts'
import { type FakeCall, FakeCalls, type FakeOperation, list, passed } from './fake-calls.ts'
import { type FakeClock, fakeClock } from './fake-clock.ts'
import { recordedDefinition } from './recorded-definition.ts'

export interface FakeCacheOptions extends Omit<CacheOptions, 'clock'> {
  /** Shared with whatever else the test drives. Default: a `fakeClock()` of its own. */
  readonly clock?: FakeClock | undefined
}

/**
 * A cache for unit tests of the code that uses one: the real thing in memory, on a clock that only the test moves, which
 * also writes down what it was asked and fails on request. Its namespaces share its record, failures and clock.
 */
export interface FakeCache extends Cache {
  readonly clock: FakeClock
  /** Everything asked so far, oldest first; `seed`, `stats`, `explain`, `on` and `close` are not written down. */
  readonly calls: readonly FakeCall[]
  /**
   * Keeps a value as `set` would, at once and unrecorded, with the options of the cache.
   * @throws KeyError, InvalidOptionError for `undefined` and without memory, CodecError for what cannot be kept, ClosedError.
   */
  seed(key: string, value: unknown): void
  /**
   * From now on the operation fails with this error, here and in every namespace, until `reset()`. It is recorded, and
   * neither reads, loads nor keeps anything.
   * @throws InvalidOptionError for an unknown operation.
   */
  fail(operation: FakeOperation, error: unknown): void
  /** Forgets calls, failures and values, and is enabled again. Clock, listeners and counters stay as they are. */
  reset(): void
  namespace(name: string, defaults?: NamespaceOptions): FakeCache
}

/**
 * A `FakeCache`. So that a test can say when a value expires, its `jitter` is 0 and its `earlyRefresh` off unless
 * `defaults` say otherwise.
 * @throws InvalidOptionError as `createCache` does.
 */
export function fakeCache(options: FakeCacheOptions = {}): FakeCache {
  const clock = options.clock ?? fakeClock()
  if (typeof clock.advance !== 'function') {
    throw new InvalidOptionError('fakeCache: clock must come from fakeClock(); it has no advance()')
  }
  const defaults: EntryOptions = { jitter: 0, earlyRefresh: false, ...options.defaults }
  const root = createCache({ ...options, defaults, clock })
  const memory = options.memory ?? {}
  const values = memory === false ? undefined : (memory.values ?? 'isolated')
  const recording = { root, clock, values, calls: new FakeCalls(), off: new Set<Cache>() }
  return new RecordedCache(root, recording, [])
}

/** What a fake cache and its namespaces share. */
interface Recording {
  readonly root: Cache
  readonly clock: FakeClock
  /** `undefined`: the cache keeps nothing in memory. */
  readonly values: ValueMode | undefined
  readonly calls: FakeCalls
  /** Those whose kill switch the test has thrown. */
  readonly off: Set<Cache>
}

class RecordedCache implements FakeCache {
  readonly #cache: Cache
  readonly #recording: Recording
  readonly #namespace: readonly string[]

  constructor(cache: Cache, recording: Recording, namespace: readonly string[]) {
    this.#cache = cache
    this.#recording = recording
    this.#namespace = namespace
  }

  get clock(): FakeClock {
    return this.#recording.clock
  }

  /** For telemetry, which sees the cache behind it. */
  get [inside](): unknown {
    return (this.#cache as { [inside]?: unknown })[inside]
  }

  get calls(): readonly FakeCall[] {
    return this.#recording.calls.all
  }

  seed(key: string, value: unknown): void {
    assertKey(key)
    if (value === undefined) {
      throw new InvalidOptionError(
        'seed(key, value) needs a value: undefined is a miss and is never kept',
      )
    }
    const { values } = this.#recording
    if (values === undefined) {
      throw new InvalidOptionError('seed(key, value) needs a cache with memory; memory is false')
    }
    isolate(value, values)
    // Throws on a closed cache, where the rejection of `set` would be nobody's.
    this.#cache.peek(key)
    // In memory a value is kept before `set` returns; what could be refused was refused above.
    void this.#cache.set(key, value)
  }

  fail(operation: FakeOperation, error: unknown): void {
    this.#recording.calls.fail(operation, error)
  }

  reset(): void {
    const { root, calls, off } = this.#recording
    calls.reset()
    for (const cache of off) cache.enabled = true
    off.clear()
    // A closed cache refuses, and has nothing left to clear.
    root.clear().catch(() => {})
  }

  #record(operation: FakeOperation, keys: readonly string[], args: readonly unknown[]): void {
    this.#recording.calls.record({ operation, keys, args, namespace: this.#namespace })
  }

  async wrap<V>(
    key: string,
    load: (context: LoaderContext) => V | Promise<V>,
    options?: EntryOptions,
  ): Promise<V> {
    this.#record('wrap', [key], passed(key, load, options))
    return this.#cache.wrap(key, load, options)
  }

  async wrapMany<V>(
    keys: readonly string[],
    load: (missing: string[], context: LoaderContext) => LoadedMany<V> | Promise<LoadedMany<V>>,
    options?: EntryOptions,
  ): Promise<Map<string, V>> {
    this.#record('wrapMany', list(keys), passed(keys, load, options))
    return this.#cache.wrapMany(keys, load, options)
  }

  async get<V>(key: string): Promise<V | undefined> {
    this.#record('get', [key], [key])
    return this.#cache.get<V>(key)
  }

  async getMany<V>(keys: readonly string[]): Promise<Map<string, V>> {
    this.#record('getMany', list(keys), [keys])
    return this.#cache.getMany<V>(keys)
  }

  peek<V>(key: string): V | undefined {
    this.#record('peek', [key], [key])
    return this.#cache.peek<V>(key)
  }

  async set<V>(key: string, value: V, options?: EntryOptions): Promise<void> {
    this.#record('set', [key], passed(key, value, options))
    return this.#cache.set(key, value, options)
  }

  async setMany(
    entries: Iterable<readonly [string, unknown]>,
    options?: EntryOptions,
  ): Promise<void> {
    // Read once, for an iterator can be read only once; what is no iterable is refused by the cache.
    const kept = typeof entries?.[Symbol.iterator] === 'function' ? [...entries] : entries
    const keys = Array.isArray(kept) ? kept.map((entry) => entry?.[0]) : []
    this.#record('setMany', keys, passed(kept, options))
    return this.#cache.setMany(kept, options)
  }

  async delete(keys: string | readonly string[]): Promise<void> {
    this.#record('delete', list(keys), [keys])
    return this.#cache.delete(keys)
  }

  async expire(keys: string | readonly string[]): Promise<void> {
    this.#record('expire', list(keys), [keys])
    return this.#cache.expire(keys)
  }

  async invalidateTags(tags: readonly string[]): Promise<void> {
    this.#record('invalidateTags', [], [tags])
    return this.#cache.invalidateTags(tags)
  }

  async expireTags(tags: readonly string[]): Promise<void> {
    this.#record('expireTags', [], [tags])
    return this.#cache.expireTags(tags)
  }

  async clear(): Promise<void> {
    this.#record('clear', [], [])
    return this.#cache.clear()
  }

  define<A extends readonly unknown[], V>(
    name: string,
    definition: Definition<A, V> | CheckedDefinition<A, V>,
  ): Defined<A, V> {
    return recordedDefinition(
      this.#cache.define(name, definition as Definition<A, V>),
      (operation, keys, args) => this.#record(operation, keys, args),
    )
  }

  namespace(name: string, defaults?: NamespaceOptions): FakeCache {
    const inner = this.#cache.namespace(name, defaults)
    return new RecordedCache(inner, this.#recording, [...this.#namespace, name])
  }

  explain(key: string): ReturnType<Cache['explain']> {
    return this.#cache.explain(key)
  }

  stats(): ReturnType<Cache['stats']> {
    return this.#cache.stats()
  }

  health(): ReturnType<Cache['health']> {
    return this.#cache.health()
  }

  get enabled(): boolean {
    return this.#cache.enabled
  }

  set enabled(enabled: boolean) {
    this.#cache.enabled = enabled
    if (enabled) this.#recording.off.delete(this.#cache)
    else this.#recording.off.add(this.#cache)
  }

  on<Name extends EventName>(
    event: Name,
    listener: (event: CacheEvents[Name]) => void,
  ): () => void {
    return this.#cache.on(event, listener)
  }

  close(options?: { drain?: Duration }): Promise<void> {
    return this.#cache.close(options)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#cache[Symbol.asyncDispose]()
  }
}
