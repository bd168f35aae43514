import type { Cache } from '../cache.ts'
import type { CheckedDefinition, Defined, Definition } from '../define.ts'
import type { CacheEvents, EventName } from '../observe/events.ts'
import { type Inside, inside } from '../observe/inside.ts'
import { type Ties, ties } from '../observe/ties.ts'
import type { Duration } from '../options/duration.ts'
import type { NamespaceOptions } from '../options/options.ts'
import type { Turns } from './turn.ts'

/**
 * A cache that stays the same for its users while what is behind it is swapped: each call goes to the cache whose turn
 * it is, and ends there. Namespaces, definitions and listeners are made anew behind it.
 */
export class SwappedCache implements Cache {
  readonly #turns: Turns<Cache>
  /** From a cache as it is configured to the namespace that this handle is of. */
  readonly #view: (root: Cache) => Cache
  readonly #views = new WeakMap<Cache, Cache>()
  #isClosed = false
  /** The kill switch, where somebody has thrown it by hand. */
  #switched: boolean | undefined

  constructor(turns: Turns<Cache>, view: (root: Cache) => Cache = (root) => root) {
    this.#turns = turns
    this.#view = view
  }

  get #cache(): Cache {
    return this.#of(this.#turns.value)
  }

  #of(root: Cache): Cache {
    let cache = this.#views.get(root)
    if (cache === undefined) {
      cache = this.#view(root)
      this.#views.set(root, cache)
      if (this.#switched !== undefined) cache.enabled = this.#switched
      if (this.#isClosed) void cache.close()
    }
    return cache
  }

  #run<R>(call: (cache: Cache) => Promise<R>): Promise<R> {
    return this.#turns.run((root) => call(this.#of(root)))
  }

  get [inside](): Inside {
    return (this.#cache as unknown as { [inside]: Inside })[inside]
  }

  /** Without a store: what was read before a swap is not what the store of now vouches for. */
  get [ties](): Ties {
    const { clock, tell } = (this.#cache as unknown as { [ties]: Ties })[ties]
    return { clock, store: undefined, tell }
  }

  readonly wrap: Cache['wrap'] = (key, load, options) =>
    this.#run((cache) => cache.wrap(key, load, options))
  readonly wrapMany: Cache['wrapMany'] = (keys, load, options) =>
    this.#run((cache) => cache.wrapMany(keys, load, options))
  readonly get: Cache['get'] = <V>(key: string) => this.#run((cache) => cache.get<V>(key))
  readonly getMany: Cache['getMany'] = <V>(keys: readonly string[]) =>
    this.#run((cache) => cache.getMany<V>(keys))
  readonly peek: Cache['peek'] = <V>(key: string) => this.#cache.peek<V>(key)
  readonly set: Cache['set'] = (key, value, options) =>
    this.#run((cache) => cache.set(key, value, options))
  readonly setMany: Cache['setMany'] = (entries, options) =>
    this.#run((cache) => cache.setMany(entries, options))
  readonly delete: Cache['delete'] = (keys) => this.#run((cache) => cache.delete(keys))
  readonly expire: Cache['expire'] = (keys) => this.#run((cache) => cache.expire(keys))
  readonly invalidateTags: Cache['invalidateTags'] = (tags) =>
    this.#run((cache) => cache.invalidateTags(tags))
  readonly expireTags: Cache['expireTags'] = (tags) => this.#run((cache) => cache.expireTags(tags))
  readonly clear: Cache['clear'] = () => this.#run((cache) => cache.clear())
  readonly explain: Cache['explain'] = (key) => this.#run((cache) => cache.explain(key))
  readonly health: Cache['health'] = () => this.#run((cache) => cache.health())
  readonly stats: Cache['stats'] = () => this.#cache.stats()

  define<A extends readonly unknown[], V>(
    name: string,
    definition: Definition<A, V> | CheckedDefinition<A, V>,
  ): Defined<A, V> {
    // A copy: what the caller later does to its object changes no later turn.
    const own = { ...definition } as Definition<A, V>
    const made = new WeakMap<Cache, Defined<A, V>>()
    return this.#defined((cache) => {
      let defined = made.get(cache)
      if (defined === undefined) {
        defined = cache.define(name, own)
        made.set(cache, defined)
      }
      return defined
    })
  }

  #defined<A extends readonly unknown[], V>(of: (cache: Cache) => Defined<A, V>): Defined<A, V> {
    // What is wrong with it is told now, and not at the first call.
    of(this.#cache)
    const run = <R>(call: (defined: Defined<A, V>) => Promise<R>) =>
      this.#run((cache) => call(of(cache)))
    const call = (...args: A) => run((defined) => defined(...args))
    return Object.assign(call, {
      many: (calls) => run((defined) => defined.many(calls)),
      peek: (...args) => of(this.#cache).peek(...args),
      set: (args, value) => run((defined) => defined.set(args, value)),
      delete: (...args) => run((defined) => defined.delete(...args)),
      expire: (...args) => run((defined) => defined.expire(...args)),
      key: (...args) => of(this.#cache).key(...args),
      with: (options) => {
        const made = new WeakMap<Defined<A, V>, Defined<A, V>>()
        return this.#defined((cache) => {
          const whole = of(cache)
          let own = made.get(whole)
          if (own === undefined) {
            own = whole.with(options)
            made.set(whole, own)
          }
          return own
        })
      },
    } satisfies Omit<Defined<A, V>, never> as Pick<
      Defined<A, V>,
      'many' | 'peek' | 'set' | 'delete' | 'expire' | 'key' | 'with'
    >)
  }

  namespace(name: string, defaults?: NamespaceOptions): Cache {
    const own = defaults && { ...defaults }
    const handle = new SwappedCache(this.#turns, (root) => this.#of(root).namespace(name, own))
    handle.stats()
    return handle
  }

  get enabled(): boolean {
    return this.#cache.enabled
  }

  set enabled(enabled: boolean) {
    this.#cache.enabled = enabled
    this.#switched = enabled
  }

  /** The configuration says something else than before: what was switched by hand has had its time. */
  forgetSwitch(): void {
    this.#switched = undefined
  }

  on<Name extends EventName>(
    event: Name,
    listener: (event: CacheEvents[Name]) => void,
  ): () => void {
    return this.#turns.subscribe((root) => this.#of(root).on(event, listener))
  }

  close(options?: { drain?: Duration }): Promise<void> {
    this.#isClosed = true
    return this.#cache.close(options)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}
