import type { Cache, LoadedMany } from './cache.ts'
import type { Clock } from './clock.ts'
import { closeScope } from './close.ts'
import {
  type CheckedDefinition,
  createDefinition,
  type Defined,
  type Definition,
  type DefinitionHost,
} from './define.ts'
import type { Entry } from './entry/entry.ts'
import { ClosedError, InvalidOptionError } from './errors.ts'
import { explain } from './explain.ts'
import type { HealthReport } from './health/health-report.ts'
import type { Scope } from './invalidation/scope.ts'
import { assertKey } from './keys/assert-key.ts'
import { type CacheEvents, channels, type EventName } from './observe/events.ts'
import type { Explanation } from './observe/explanation.ts'
import { type Inside, inside } from './observe/inside.ts'
import type { CacheStats } from './observe/stats.ts'
import type { Tracing } from './observe/tracing.ts'
import type { Duration } from './options/duration.ts'
import { type EntryPolicy, extendPolicy } from './options/entry-policy.ts'
import { unmet } from './options/expectation.ts'
import { layerPolicies, type PolicyOfKey } from './options/key-patterns.ts'
import { partNamespaceOptions } from './options/namespace-options.ts'
import type { EntryOptions, NamespaceOptions } from './options/options.ts'
import { readBoolean, readFunction, readName, readTags } from './options/readers.ts'
import { limitPolicies, refuseClearStore } from './options/sensitive.ts'
import { type Engine, nearKeyOf } from './read/engine.ts'
import type { Run } from './read/load.ts'
import type { LoaderContext } from './read/loader-context.ts'
import { read, readable } from './read/lookup.ts'
import { type WrapCall, wrap } from './read/wrap.ts'
import { wrapMany } from './read/wrap-many.ts'
import type { Bulkhead } from './resilience/bulkhead.ts'
import type { Store } from './store/store.ts'
import type { NearTier } from './tiers/near-tier.ts'
import {
  clear,
  count,
  deleteKeys,
  expireKeys,
  expireTags,
  invalidateTags,
} from './write/invalidate.ts'
import { type SetKey, setKeys } from './write/set.ts'

/**
 * How packages on top of a cache say what happened there, so that its listeners hear of everything in one place.
 * Registered, so that another installed copy finds it; a symbol, so that it is no part of the public surface.
 */
const tell: unique symbol = Symbol.for('holdfast.tell')
/** Where such packages find the time that the cache goes by. */
const clockOf: unique symbol = Symbol.for('holdfast.clock')
/** Where they see which store it has, so that what the store vouches for is not checked twice. */
const storeOf: unique symbol = Symbol.for('holdfast.store')

/** A cache or one of its namespaces: checks what comes in and hands each verb to its room. */
export class CacheHandle implements Cache, DefinitionHost {
  readonly #engine: Engine
  readonly #scope: Scope
  readonly #policyOfKey: PolicyOfKey
  readonly #near: NearTier | undefined
  readonly #prefix: string
  readonly #bulkheads: readonly Bulkhead[]

  constructor(engine: Engine, scope: Scope, policyOfKey: PolicyOfKey) {
    this.#engine = engine
    this.#scope = scope
    this.#policyOfKey = policyOfKey
    this.#near = engine.near
    this.#prefix = scope.prefix
    this.#bulkheads = engine.bulkhead === undefined ? [] : [engine.bulkhead]
  }

  /**
   * The near hit, and nothing but it: one lookup, two comparisons, one promise that all hits share. Whatever is
   * not plainly fresh, or listened to, takes the long way, which looks again. None survives a clear, a
   * switch or a close unnoticed: those move `seq`.
   */
  hit(key: string): Promise<unknown> | undefined {
    if (typeof key !== 'string' || this.#near === undefined) return undefined
    const prefix = this.#prefix
    if (prefix === '' && key.charCodeAt(0) === 0) return undefined
    const entry = this.#near.get(prefix === '' ? key : prefix + key)
    if (entry === undefined || entry.kind !== 'shareable') return undefined
    const engine = this.#engine
    if (entry.seq !== engine.fence.seq || engine.coarse.now() >= entry.checkAt) return undefined
    if (engine.observer.hearsHits || channels.hit.hasSubscribers) return undefined
    engine.counters.hits++
    return entry.promise
  }

  wrap<V>(
    key: string,
    load: (context: LoaderContext) => V | Promise<V>,
    options?: EntryOptions,
  ): Promise<V> {
    const hit = options?.refresh === true ? undefined : this.hit(key)
    return (hit ?? this.#wrapLong(key, load, options)) as Promise<V>
  }

  // Apart from `wrap`, so that V8 inlines a small `wrap` whole into its callers (docs/decisions/0004-near-hit.md).
  #wrapLong(key: string, load: Run, options: EntryOptions | undefined): Promise<unknown> {
    try {
      this.#assertOpen()
      assertKey(key)
      readFunction(load, 'the loader of wrap(key, loader)')
      if (this.#engine.opening !== undefined) return this.#wrapOnceOpen(key, load, options)
      const policy = extendPolicy(this.#policyOfKey(key), options)
      return this.#wrap({ scope: this.#scope, key, run: load, policy, bulkheads: this.#bulkheads })
    } catch (error) {
      return Promise.reject(error)
    }
  }

  async #wrapOnceOpen(key: string, load: Run, options: EntryOptions | undefined): Promise<unknown> {
    await this.#engine.opening
    return this.#wrapLong(key, load, options)
  }

  // The way in of a definition, which brings a policy of its own.
  load(
    key: string,
    run: Run,
    policy: EntryPolicy,
    bulkhead: Bulkhead | undefined,
  ): Promise<unknown> {
    this.#assertOpen()
    assertKey(key)
    const { opening } = this.#engine
    if (opening !== undefined) return opening.then(() => this.load(key, run, policy, bulkhead))
    const bulkheads = bulkhead === undefined ? this.#bulkheads : [bulkhead, ...this.#bulkheads]
    return this.#wrap({ scope: this.#scope, key, run, policy, bulkheads })
  }

  #wrap(call: WrapCall): Promise<unknown> {
    const { tracing } = this.#engine.observer
    return tracing === undefined ? wrap(this.#engine, call) : this.#traced(tracing, call)
  }

  // Apart, so that its closure costs nothing where nobody draws spans.
  #traced(tracing: Tracing, call: WrapCall): Promise<unknown> {
    return tracing.call('wrap', 1, () => wrap(this.#engine, call))
  }

  async put(key: string, value: unknown, policy: EntryPolicy): Promise<void> {
    this.#assertOpen()
    assertKey(key)
    await this.#set([{ key, value, policy }])
  }

  get policyOfKey(): PolicyOfKey {
    return this.#policyOfKey
  }

  get loadQueue(): number {
    return this.#engine.settings.resilience.loadQueue
  }

  async wrapMany<V>(
    keys: readonly string[],
    load: (missing: string[], context: LoaderContext) => LoadedMany<V> | Promise<LoadedMany<V>>,
    options?: EntryOptions,
  ): Promise<Map<string, V>> {
    this.#assertOpen()
    const asked = assertKeys(keys, 'wrapMany')
    readFunction(load, 'the loader of wrapMany(keys, loader)')
    const policyOf = layerPolicies(this.#policyOfKey, options, 'options')
    // Checked even where no key would come to it.
    policyOf(asked[0] ?? '*')
    if (this.#engine.opening !== undefined) await this.#engine.opening
    const call = { scope: this.#scope, keys: asked, load, policyOf, bulkheads: this.#bulkheads }
    const { tracing } = this.#engine.observer
    const run = () => wrapMany(this.#engine, call)
    const found = tracing === undefined ? run() : tracing.call('wrapMany', asked.length, run)
    return (await found) as Map<string, V>
  }

  get<V>(key: string): Promise<V | undefined> {
    const hit = this.hit(key)
    if (hit !== undefined) return hit as Promise<V>
    try {
      this.#assertOpen()
      assertKey(key)
      const engine = this.#engine
      if (engine.opening !== undefined) return engine.opening.then(() => this.get(key))
      const entries = read(engine, this.#scope, [key], 'get')
      const hand = ([entry]: readonly (Entry | undefined)[]) =>
        (entry === undefined ? Promise.resolve(undefined) : engine.hand(entry)) as Promise<
          V | undefined
        >
      return entries instanceof Promise ? entries.then(hand) : hand(entries)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  async getMany<V>(keys: readonly string[]): Promise<Map<string, V>> {
    this.#assertOpen()
    const asked = assertKeys(keys, 'getMany')
    if (this.#engine.opening !== undefined) await this.#engine.opening
    const entries = await read(this.#engine, this.#scope, asked, 'getMany')
    const found = new Map<string, V>()
    asked.forEach((key, index) => {
      const entry = entries[index]
      if (entry !== undefined) found.set(key, this.#engine.valueOf(entry) as V)
    })
    return found
  }

  peek<V>(key: string): V | undefined {
    this.#assertOpen()
    assertKey(key)
    const engine = this.#engine
    const entry = this.#near?.peek(nearKeyOf(this.#scope, key))
    if (entry === undefined || this.#scope.isOff) return undefined
    // Plainly fresh, as for a hit, it takes no exact reading of the clock, which would be a number on the heap.
    if (!this.#isPlainlyFresh(entry)) {
      const now = engine.clock.monotonic()
      const gone = engine.whyGone(this.#scope, entry, now) !== undefined
      if (gone || readable(entry, now) === undefined) return undefined
    }
    return engine.valueOf(entry) as V
  }

  #isPlainlyFresh(entry: Entry): boolean {
    const engine = this.#engine
    return (
      entry.kind !== 'error' &&
      entry.seq === engine.fence.seq &&
      engine.coarse.now() < entry.checkAt
    )
  }

  async set<V>(key: string, value: V, options?: EntryOptions): Promise<void> {
    this.#assertOpen()
    assertKey(key)
    await this.put(key, value, extendPolicy(this.#policyOfKey(key), options))
  }

  async setMany(
    entries: Iterable<readonly [string, unknown]>,
    options?: EntryOptions,
  ): Promise<void> {
    this.#assertOpen()
    if (typeof entries?.[Symbol.iterator] !== 'function')
      throw unmet('setMany(entries)', 'an iterable of [key, value]', entries)
    const policyOf = layerPolicies(this.#policyOfKey, options, 'options')
    const items: SetKey[] = []
    for (const entry of entries) {
      if (!Array.isArray(entry))
        throw unmet('each entry of setMany(entries)', 'a [key, value]', entry)
      const [key, value] = entry as readonly [string, unknown]
      assertKey(key)
      items.push({ key, value, policy: policyOf(key) })
    }
    if (items.length > 0) await this.#set(items)
  }

  async #set(items: readonly SetKey[]): Promise<void> {
    if (this.#engine.opening !== undefined) await this.#engine.opening
    count(
      this.#engine,
      this.#scope,
      'set',
      items.map(({ key }) => key),
      [],
    )
    await setKeys(this.#engine, this.#scope, items)
  }

  async delete(keys: string | readonly string[]): Promise<void> {
    this.#assertOpen()
    const asked = assertOneOrMore(keys, 'delete')
    if (this.#engine.opening !== undefined) await this.#engine.opening
    await deleteKeys(this.#engine, this.#scope, asked)
  }

  async expire(keys: string | readonly string[]): Promise<void> {
    this.#assertOpen()
    const asked = assertOneOrMore(keys, 'expire')
    if (this.#engine.opening !== undefined) await this.#engine.opening
    await expireKeys(this.#engine, this.#scope, asked)
  }

  async invalidateTags(tags: readonly string[]): Promise<void> {
    this.#assertOpen()
    const asked = readTags(tags, 'invalidateTags(tags)')
    if (this.#engine.opening !== undefined) await this.#engine.opening
    await invalidateTags(this.#engine, this.#scope, asked)
  }

  async expireTags(tags: readonly string[]): Promise<void> {
    this.#assertOpen()
    const asked = readTags(tags, 'expireTags(tags)')
    if (this.#engine.opening !== undefined) await this.#engine.opening
    await expireTags(this.#engine, this.#scope, asked)
  }

  async clear(): Promise<void> {
    this.#assertOpen()
    if (this.#engine.opening !== undefined) await this.#engine.opening
    await clear(this.#engine, this.#scope)
  }

  define<A extends readonly unknown[], V>(
    name: string,
    definition: Definition<A, V> | CheckedDefinition<A, V>,
  ): Defined<A, V> {
    this.#assertOpen()
    return createDefinition<A, V>(this, name, definition)
  }

  namespace(name: string, defaults?: NamespaceOptions): Cache {
    this.#assertOpen()
    const path = readName(name, 'namespace(name)')
    const { values, sensitive, entries } = partNamespaceOptions(defaults)
    let policyOfKey = layerPolicies(this.#policyOfKey, entries, 'namespace defaults')
    const scope = this.#scope.child(path)
    if (sensitive === false && scope.isSensitive) {
      throw new InvalidOptionError(
        'namespace defaults.sensitive must not be false here: what is sensitive stays so, with all that is inside',
      )
    }
    if (sensitive) {
      refuseClearStore(this.#engine.settings.far?.store, 'namespace(name)')
      scope.declareSensitive()
      policyOfKey = limitPolicies(policyOfKey, sensitive.maxLifeMs)
    }
    if (values !== undefined) scope.values = values
    return new CacheHandle(this.#engine, scope, policyOfKey)
  }

  async explain(key: string): Promise<Explanation> {
    this.#assertOpen()
    assertKey(key)
    if (this.#engine.opening !== undefined) await this.#engine.opening
    return explain(this.#engine, this.#scope, key)
  }

  stats(): CacheStats {
    const { counters, near, flights, bulkhead } = this.#engine
    return {
      ...counters,
      entries: near?.entries ?? 0,
      bytes: near?.bytes ?? 0,
      loading: flights.size,
      queued: bulkhead?.waiting ?? 0,
    }
  }

  async health(): Promise<HealthReport> {
    this.#assertOpen()
    const { monitorOf } = await import('./health/health-monitor.ts')
    if (this.#engine.opening !== undefined) await this.#engine.opening
    this.#assertOpen()
    return monitorOf(this.#engine).report()
  }

  get enabled(): boolean {
    return !this.#scope.isOff
  }

  set enabled(enabled: boolean) {
    this.#scope.switch(readBoolean(enabled, 'enabled'))
    if (!enabled && this.#scope === this.#engine.root) this.#near?.clear()
  }

  on<Name extends EventName>(
    event: Name,
    listener: (event: CacheEvents[Name]) => void,
  ): () => void {
    this.#assertOpen()
    return this.#engine.observer.on(event, listener)
  }

  close(options: { drain?: Duration } = {}): Promise<void> {
    return closeScope(this.#engine, this.#scope, options)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  get [clockOf](): Clock {
    return this.#engine.clock
  }

  get [storeOf](): Store | undefined {
    return this.#engine.far?.tier.settings.store
  }

  get [inside](): Inside {
    return { engine: this.#engine, scope: this.#scope }
  }

  [tell](
    news:
      | { readonly event: 'refused'; readonly key: string; readonly reason: string }
      | { readonly event: 'refresh' | 'fallback'; readonly key: string; readonly error: unknown }
      /** A load that returned what stands for its failure. */
      | { readonly event: 'load-failed' },
  ): void {
    const engine = this.#engine
    if (news.event === 'load-failed') engine.counters.loadErrors++
    else if (news.event === 'refused') engine.refused(this.#scope, news.key, news.reason)
    else engine.failed(news.event, news.error, this.#scope, news.key)
  }

  #assertOpen(): void {
    if (this.#scope.isClosed)
      throw new ClosedError(`cache '${this.#engine.name}' is closed; create a new one`)
  }
}

function assertKeys(keys: unknown, operation: string): readonly string[] {
  if (!Array.isArray(keys)) throw unmet(`${operation}(keys)`, 'an array of keys', keys)
  for (const key of keys) assertKey(key)
  return [...new Set<string>(keys)]
}

function assertOneOrMore(keys: string | readonly string[], operation: string): readonly string[] {
  if (Array.isArray(keys)) return assertKeys(keys, operation)
  const key: unknown = keys
  assertKey(key)
  return [key]
}
