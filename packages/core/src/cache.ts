import { CacheHandle } from './cache-handle.ts'
import type { CheckedDefinition, Defined, Definition } from './define.ts'
import type { HealthReport } from './health/health-report.ts'
import type { CacheEvents, EventName } from './observe/events.ts'
import type { Explanation } from './observe/explanation.ts'
import type { CacheStats } from './observe/stats.ts'
import { resolveCacheOptions } from './options/cache-settings.ts'
import type { Duration } from './options/duration.ts'
import type { FarSettings } from './options/far-settings.ts'
import type { CacheOptions, EntryOptions, NamespaceOptions } from './options/options.ts'
import { Engine } from './read/engine.ts'
import type { LoaderContext } from './read/loader-context.ts'

/** What a `wrapMany` loader returns: the values by key, or in the order of the keys it was asked for. */
export type LoadedMany<V> = ReadonlyMap<string, V> | readonly (V | undefined)[]

/**
 * A cache, or a namespace inside one. Keys are non-empty, well-formed strings of at most 4,096 bytes (`KeyError`).
 * A miss is `undefined`; `undefined` is never kept, `null` is a value. After `close()` every call rejects with
 * `ClosedError`.
 */
export interface Cache {
  /**
   * The kept value, or the loader's, which is then kept. However many callers ask for a key, its loader runs once;
   * all of them get its value, or its original error. Bad arguments reject with `InvalidOptionError` or `KeyError`;
   * on a near hit `options` are not read, but for `refresh`.
   */
  wrap<V>(
    key: string,
    load: (context: LoaderContext) => V | Promise<V>,
    options?: EntryOptions,
  ): Promise<V>
  /**
   * Many keys at once: those kept are answered, those that others are loading are joined, and one call of `load`
   * brings the rest. In the order asked, each key once; a key the loader did not return is absent and not kept.
   */
  wrapMany<V>(
    keys: readonly string[],
    load: (missing: string[], context: LoaderContext) => LoadedMany<V> | Promise<LoadedMany<V>>,
    options?: EntryOptions,
  ): Promise<Map<string, V>>
  /** The kept value, fresh or within `staleWhileRevalidate`; never loads. */
  get<V>(key: string): Promise<V | undefined>
  /** As `get`, in the order asked, each key once; misses are absent. */
  getMany<V>(keys: readonly string[]): Promise<Map<string, V>>
  /** As `get`, from this process's memory only, at once, and without making the entry a recently used one. */
  peek<V>(key: string): V | undefined
  /** Keeps a value, and voids any load of the key under way. A `ttl` of 0, or `undefined`, deletes. */
  set<V>(key: string, value: V, options?: EntryOptions): Promise<void>
  /** As `set` for each; all arguments are checked before the first is kept. */
  setMany(entries: Iterable<readonly [string, unknown]>, options?: EntryOptions): Promise<void>
  /** Gone at once, also for the stale windows; a load under way is not kept. */
  delete(keys: string | readonly string[]): Promise<void>
  /** Stale from now on, still usable within its stale windows; a load under way is not kept. */
  expire(keys: string | readonly string[]): Promise<void>
  /** Deletes everything kept under one of the tags, here and in the namespaces inside, without enumerating it. */
  invalidateTags(tags: readonly string[]): Promise<void>
  /**
   * Makes everything kept under one of the tags stale from now on, here and in the namespaces inside, as `expire` does
   * with keys: usable within its stale windows, gone without one; a load under way is not kept. Nothing is enumerated.
   */
  expireTags(tags: readonly string[]): Promise<void>
  /** Deletes everything, here and in the namespaces inside, without enumerating it. */
  clear(): Promise<void>
  /**
   * A function whose calls are cached, and the handle of what it keeps. With a `schema` its values are what that returns,
   * whatever the loader brings.
   * @throws InvalidOptionError
   */
  define<A extends readonly unknown[], V>(
    name: string,
    definition: CheckedDefinition<A, V>,
  ): Defined<A, V>
  define<A extends readonly unknown[], V>(name: string, definition: Definition<A, V>): Defined<A, V>
  /**
   * A cache inside this one: keys of its own, cleared with this one, under the same bounds.
   * @throws InvalidOptionError
   */
  namespace(name: string, defaults?: NamespaceOptions): Cache
  /** What is kept under a key and why it is, or is not, usable. */
  explain(key: string): Promise<Explanation>
  stats(): CacheStats
  /**
   * How this cache and the servers behind it do, against the thresholds of `health`. The first call begins to watch: a
   * verdict takes one whole window, five minutes by default, and is `unknown` before. Servers are asked once in 15 s
   * at most, whatever the number of calls, and a call waits 2 s for them at most. It rejects for a closed cache only.
   */
  health(): Promise<HealthReport>
  /** The kill switch. Off: every `wrap` goes to its loader, nothing is read or kept; invalidations still act, and switching on serves nothing old. */
  enabled: boolean
  /** Hears of an event until the returned function is called. A listener that throws changes nothing. */
  on<Name extends EventName>(event: Name, listener: (event: CacheEvents[Name]) => void): () => void
  /**
   * Refuses new calls, waits for loads in flight up to `drain` (default 2 s), aborts the rest with `ClosedError`,
   * and leaves no timer behind. Closing a namespace closes that namespace. Calling it again changes nothing.
   */
  close(options?: { drain?: Duration }): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/** Loaded on demand: a cache in memory alone carries nothing of what a store needs. */
async function openFar(engine: Engine, settings: FarSettings): Promise<void> {
  const { Far } = await import('./tiers/far.ts')
  if (!engine.root.isClosed) engine.far = new Far(engine, settings)
  engine.opening = undefined
}

/**
 * A cache in this process's memory and, with a `store`, one that processes share.
 * @throws InvalidOptionError naming the option, what was expected and what came.
 */
export function createCache(options?: CacheOptions): Cache {
  const settings = resolveCacheOptions(options)
  const engine = new Engine(settings)
  engine.root.switch(settings.enabled)
  if (settings.far !== undefined) engine.opening = openFar(engine, settings.far)
  return new CacheHandle(engine, engine.root, settings.policyOfKey)
}
