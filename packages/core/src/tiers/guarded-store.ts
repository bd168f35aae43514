import type { Clock } from '../clock.ts'
import { ClosedError, StoreError } from '../errors.ts'
import type { Observer } from '../observe/observer.ts'
import { Breaker, type BreakerSettings, type BreakerState } from '../resilience/breaker.ts'
import type { Deadlines } from '../resilience/deadlines.ts'
import type { Keep, SettledRead, SettledReads, Store, StoreEntry } from '../store/store.ts'
import { fittingKey } from './store-keys.ts'
import { LetGo, StoreOperations } from './store-operations.ts'

/** How long a store that refused `replace` to this user is used without claims, before it is asked again. */
const deniedRetryMs = 60_000

/**
 * A store that costs a bounded time. Every operation has a deadline; while the breaker is open none is sent, and when
 * it opens those under way are let go. Missing optional methods get their one correct default here.
 */
export class GuardedStore {
  readonly #store: Store & Partial<SettledReads>
  readonly #maxKeyBytes: number
  /** Keys of at most so many characters fit whatever they are. */
  readonly #safeLength: number
  readonly #clock: Clock
  readonly #breaker: Breaker
  readonly #operations: StoreOperations
  readonly #ask: () => Promise<unknown>
  readonly #observer: Observer
  /** Operations that were sent for callers, and those of them that it did not do, though it could have. */
  sent = 0
  failed = 0
  #closed = false
  #claimsDeniedUntil = Number.NEGATIVE_INFINITY

  constructor(
    store: Store,
    clock: Clock,
    deadlines: Deadlines,
    settings: {
      readonly breaker: BreakerSettings
      readonly probeMs: number
      readonly probeKey: string
      readonly observer: Observer
    },
    onChange: (state: BreakerState) => void,
    /** What has to be made up for before the store is trusted again; rejects if it could not be. */
    recover: () => Promise<void>,
  ) {
    this.#store = store
    this.#maxKeyBytes = store.capabilities.maxKeyBytes
    // No UTF-16 code unit takes more than three bytes of UTF-8.
    this.#safeLength = this.#maxKeyBytes / 3
    this.#clock = clock
    this.#operations = new StoreOperations(store.name, clock, deadlines)
    this.#observer = settings.observer
    this.#ask = () =>
      this.#operations.run(settings.probeMs, 'get', () => store.get(settings.probeKey))
    const probe = async () => {
      await this.#ask()
      await recover()
    }
    this.#breaker = new Breaker(settings.breaker, clock, probe, (state) => {
      if (state === 'open') this.#operations.letGo()
      onChange(state)
    })
  }

  /** Asks whether the store answers before many rely on it, and opens the breaker at once if it does not. Never rejects. */
  async check(): Promise<void> {
    if (!this.isUsable) return
    try {
      await this.#ask()
    } catch (error) {
      if (this.isUsable && speaksOfTheStore(error)) this.#breaker.open()
    }
  }

  /** Another server answers for the store: there is no point in waiting any longer. */
  changed(): void {
    this.#breaker.hurry()
  }

  changedElsewhere(keys?: readonly string[]): void {
    this.#store.changedElsewhere?.(keys && this.#fitAll(keys))
  }

  get name(): string {
    return this.#store.name
  }

  /** Whether operations are sent at all. */
  get isUsable(): boolean {
    return this.#breaker.state === 'closed' && !this.#closed
  }

  get state(): BreakerState {
    return this.#breaker.state
  }

  /** Without both, processes cannot share claims. */
  get hasClaims(): boolean {
    if (this.#clock.monotonic() < this.#claimsDeniedUntil) return false
    return this.#store.add !== undefined && this.#store.replace !== undefined
  }

  get maxValueBytes(): number {
    return this.#store.capabilities.maxValueBytes
  }

  #fit(key: string): string {
    return key.length <= this.#safeLength ? key : fittingKey(key, this.#maxKeyBytes)
  }

  #fitAll(keys: readonly string[]): readonly string[] {
    return keys.every((key) => key.length <= this.#safeLength)
      ? keys
      : keys.map((key) => this.#fit(key))
  }

  /** Of each key what is known of it; rejects where nothing is. */
  getMany(asked: readonly string[], ms: number): Promise<SettledRead[]> {
    const store = this.#store
    const keys = this.#fitAll(asked)
    return this.#guard(ms, 'getMany', () => {
      if (store.getManySettled !== undefined) return store.getManySettled(keys).then(inPart)
      const [only] = keys
      if (keys.length === 1 && only !== undefined) return store.get(only).then((bytes) => [bytes])
      if (store.getMany !== undefined) return store.getMany(keys)
      return Promise.all(keys.map((key) => store.get(key)))
    })
  }

  set(key: string, bytes: Uint8Array, keep: Keep, ms: number): Promise<void> {
    return this.#guard(ms, 'set', () => this.#store.set(this.#fit(key), bytes, keep))
  }

  setMany(given: readonly StoreEntry[], ms: number): Promise<void> {
    const store = this.#store
    const entries = given.map((entry) => ({ ...entry, key: this.#fit(entry.key) }))
    return this.#guard(ms, 'setMany', async () => {
      if (store.setMany !== undefined && entries.length > 1) return store.setMany(entries)
      await Promise.all(entries.map(({ key, bytes, ttlMs }) => store.set(key, bytes, { ttlMs })))
    })
  }

  deleteMany(keys: readonly string[], ms: number): Promise<void> {
    return this.#guard(ms, 'deleteMany', () => this.#deleteAll(keys))
  }

  async #deleteAll(given: readonly string[]): Promise<void> {
    const store = this.#store
    const keys = this.#fitAll(given)
    if (store.deleteMany !== undefined && keys.length > 1) return store.deleteMany(keys)
    await Promise.all(keys.map((key) => store.delete(key)))
  }

  add(key: string, bytes: Uint8Array, keep: Keep, ms: number): Promise<Uint8Array | undefined> {
    return this.#guard(ms, 'add', async () => this.#store.add?.(this.#fit(key), bytes, keep))
  }

  replace(
    key: string,
    head: Uint8Array,
    bytes: Uint8Array,
    keep: Keep,
    ms: number,
  ): Promise<boolean> {
    return this.#guard(ms, 'replace', async () => {
      try {
        return (await this.#store.replace?.(this.#fit(key), head, bytes, keep)) ?? false
      } catch (error) {
        // A claim that may not be fulfilled would keep its key from ever being stored.
        if (error instanceof StoreError && error.kind === 'denied') {
          this.#claimsDeniedUntil = this.#clock.monotonic() + deniedRetryMs
        }
        throw error
      }
    })
  }

  /** Waits no longer for what others have under way than for an operation; says nothing about the store. */
  within<T>(ms: number, operation: string, run: () => Promise<T>): Promise<T> {
    return this.#operations.run(ms, operation, run).catch((error: unknown) => {
      throw error instanceof LetGo ? this.#unavailable(operation) : error
    })
  }

  /**
   * What an outage left undone: sent although the breaker may not be closed yet, under a deadline all the same. Rejects
   * if the store does not answer; resolves to the keys of what it refused, which says nothing about the rest.
   */
  async makeUp(
    keys: readonly string[],
    entries: readonly StoreEntry[],
    ms: number,
  ): Promise<Set<string>> {
    const refused = new Set<string>()
    const each = async (key: string, run: () => Promise<void>) => {
      try {
        await run()
      } catch (error) {
        if (speaksOfTheStore(error)) throw error
        // A key or value that the store does not take was never stored.
        if (error instanceof StoreError && neverStored.has(error.kind)) return
        refused.add(key)
      }
    }
    await this.#operations.run(ms, 'deleteMany', async () => {
      try {
        if (keys.length > 0) await this.#deleteAll(keys)
      } catch (error) {
        if (speaksOfTheStore(error)) throw error
        await Promise.all(keys.map((key) => each(key, () => this.#store.delete(this.#fit(key)))))
      }
      await Promise.all(
        entries.map(({ key, bytes, ttlMs }) =>
          each(key, () => this.#store.set(this.#fit(key), bytes, { ttlMs })),
        ),
      )
    })
    return refused
  }

  #guard<T>(ms: number, operation: string, run: () => Promise<T>): Promise<T> {
    if (this.#closed)
      return Promise.reject(new ClosedError(`the cache of the store '${this.name}' is closed`))
    if (this.#breaker.state !== 'closed') return Promise.reject(this.#unavailable(operation))
    // That a call has spent its time says nothing more about the store.
    if (ms <= 0) return Promise.reject(this.#operations.timedOut(operation, 0))
    this.sent++
    const since = this.#observer.measure && this.#clock.monotonic()
    return this.#operations.run(ms, operation, run).then(
      (value) => {
        this.#breaker.succeeded()
        if (since !== undefined) this.#measure(since, operation)
        return value
      },
      (error: unknown) => {
        if (!(error instanceof StoreError && neverStored.has(error.kind))) this.failed++
        if (since !== undefined) this.#measure(since, operation, error)
        if (error instanceof LetGo) throw this.#unavailable(operation)
        if (speaksOfTheStore(error)) this.#breaker.failed()
        else this.#breaker.succeeded()
        throw error
      },
    )
  }

  #measure(since: number, operation: string, error?: unknown): void {
    const labels = { 'db.system.name': this.name, 'db.operation.name': operation }
    const type = error instanceof StoreError ? error.kind : 'unavailable'
    this.#observer.measure?.(
      'command',
      this.#clock.monotonic() - since,
      error === undefined ? labels : { ...labels, 'error.type': type },
    )
  }

  #unavailable(operation: string): StoreError {
    return new StoreError(
      `the store '${this.name}' does not answer at present; it is probed until it does`,
      {
        kind: 'unavailable',
        store: this.name,
        operation,
      },
    )
  }

  close(): void {
    this.#closed = true
    this.#breaker.stop()
    this.#operations.letGo()
  }
}

const neverStored: ReadonlySet<StoreError['kind']> = new Set(['invalid-key', 'too-large'])

/** An answer that refuses one key or one value says nothing about the server's health. */
function speaksOfTheStore(error: unknown): boolean {
  if (!(error instanceof StoreError)) return true
  // One server of several: it is judged where it is known.
  if (error.partial) return false
  return (
    error.kind === 'timeout' ||
    error.kind === 'unavailable' ||
    error.kind === 'protocol' ||
    error.kind === 'unknown' ||
    error.kind === 'auth'
  )
}

/** @throws StoreError if no key could be read and no other could have been: then it is the store that does not answer. */
function inPart(answers: SettledRead[]): SettledRead[] {
  let failure: StoreError | undefined
  for (const answer of answers) {
    if (!(answer instanceof StoreError)) return answers
    if (!answer.partial) failure ??= answer
  }
  if (failure !== undefined) throw failure
  return answers
}
