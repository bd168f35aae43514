import type { Cache, LoadedMany } from './cache.ts'
import { assertOpen, closeScope } from './close.ts'
import {
  type CheckedDefinition,
  createDefinition,
  type Defined,
  type Definition,
  type DefinitionHost,
} from './define.ts'
import { enterWrap, enterWrapMany } from './enter-wrap.ts'
import type { Entry } from './entry/entry.ts'
import { explain } from './explain.ts'
import type { HealthReport } from './health/health-report.ts'
import type { Scope } from './invalidation/scope.ts'
import { askedKeys, assertKey, oneOrMoreKeys } from './keys/assert-key.ts'
import { namespaceOf } from './namespace.ts'
import { type CacheEvents, channels, type EventName } from './observe/events.ts'
import type { Explanation } from './observe/explanation.ts'
import { type Inside, inside } from './observe/inside.ts'
import { type CacheStats, statsOf } from './observe/stats.ts'
import { type Ties, ties, tiesOf } from './observe/ties.ts'
import type { Duration } from './options/duration.ts'
import { type EntryPolicy, extendPolicy } from './options/entry-policy.ts'
import { layerPolicies, type PolicyOfKey } from './options/key-patterns.ts'
import type { EntryOptions, NamespaceOptions } from './options/options.ts'
import { readBoolean, readFunction, readTags } from './options/readers.ts'
import { peek } from './peek.ts'
import type { Engine } from './read/engine.ts'
import type { Run } from './read/load.ts'
import type { LoaderContext } from './read/loader-context.ts'
import { read } from './read/lookup.ts'
import type { Bulkhead } from './resilience/bulkhead.ts'
import type { NearTier } from './tiers/near-tier.ts'
import { clear, deleteKeys, expireKeys, expireTags, invalidateTags } from './write/invalidate.ts'
import { itemsOf, setKeys } from './write/set.ts'

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
      const policy = extendPolicy(this.#policyOfKey(key), options)
      const bulkheads = this.#bulkheads
      return enterWrap(this.#engine, { scope: this.#scope, key, run: load, policy, bulkheads })
    } catch (error) {
      return Promise.reject(error)
    }
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
    const bulkheads = bulkhead === undefined ? this.#bulkheads : [bulkhead, ...this.#bulkheads]
    return enterWrap(this.#engine, { scope: this.#scope, key, run, policy, bulkheads })
  }

  async put(key: string, value: unknown, policy: EntryPolicy): Promise<void> {
    this.#assertOpen()
    assertKey(key)
    await this.#write(setKeys, [{ key, value, policy }])
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
    const asked = askedKeys(keys, 'wrapMany')
    readFunction(load, 'the loader of wrapMany(keys, loader)')
    const policyOf = layerPolicies(this.#policyOfKey, options, 'options')
    // Checked even where no key would come to it.
    policyOf(asked[0] ?? '*')
    const call = { scope: this.#scope, keys: asked, load, policyOf, bulkheads: this.#bulkheads }
    return (await enterWrapMany(this.#engine, call)) as Map<string, V>
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
    const asked = askedKeys(keys, 'getMany')
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
    return peek(this.#engine, this.#scope, key) as V | undefined
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
    const policyOf = layerPolicies(this.#policyOfKey, options, 'options')
    const items = itemsOf(entries, policyOf)
    if (items.length > 0) await this.#write(setKeys, items)
  }

  async #write<Asked>(
    write: (engine: Engine, scope: Scope, asked: Asked) => Promise<void> | undefined,
    asked: Asked,
  ): Promise<void> {
    if (this.#engine.opening !== undefined) await this.#engine.opening
    await write(this.#engine, this.#scope, asked)
  }

  async delete(keys: string | readonly string[]): Promise<void> {
    this.#assertOpen()
    const asked = oneOrMoreKeys(keys, 'delete')
    await this.#write(deleteKeys, asked)
  }

  async expire(keys: string | readonly string[]): Promise<void> {
    this.#assertOpen()
    const asked = oneOrMoreKeys(keys, 'expire')
    await this.#write(expireKeys, asked)
  }

  async invalidateTags(tags: readonly string[]): Promise<void> {
    this.#assertOpen()
    const asked = readTags(tags, 'invalidateTags(tags)')
    await this.#write(invalidateTags, asked)
  }

  async expireTags(tags: readonly string[]): Promise<void> {
    this.#assertOpen()
    const asked = readTags(tags, 'expireTags(tags)')
    await this.#write(expireTags, asked)
  }

  async clear(): Promise<void> {
    this.#assertOpen()
    await this.#write(clear, undefined)
  }

  define<A extends readonly unknown[], V>(
    name: string,
    definition: Definition<A, V> | CheckedDefinition<A, V>,
  ): Defined<A, V> {
    this.#assertOpen()
    return createDefinition<A, V>(this, this.#policyOfKey, name, definition)
  }

  namespace(name: string, defaults?: NamespaceOptions): Cache {
    this.#assertOpen()
    const inner = namespaceOf(this.#engine, this.#scope, this.#policyOfKey, name, defaults)
    return new CacheHandle(this.#engine, inner.scope, inner.policyOfKey)
  }

  async explain(key: string): Promise<Explanation> {
    this.#assertOpen()
    assertKey(key)
    if (this.#engine.opening !== undefined) await this.#engine.opening
    return explain(this.#engine, this.#scope, key)
  }

  stats(): CacheStats {
    return statsOf(this.#engine)
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

  get [inside](): Inside {
    return { engine: this.#engine, scope: this.#scope }
  }

  get [ties](): Ties {
    return tiesOf(this.#engine, this.#scope)
  }

  #assertOpen(): void {
    assertOpen(this.#engine, this.#scope)
  }
}
