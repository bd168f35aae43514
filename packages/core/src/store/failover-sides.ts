import { peekHead } from '../entry/head.ts'
import { ClosedError, StoreError } from '../errors.ts'
import { Deadlines } from '../resilience/deadlines.ts'
import { deleteAll } from '../sharding/many-keys.ts'
import { ShardRecovery } from '../sharding/shard-recovery.ts'
import { ShardServer } from '../sharding/shard-server.ts'
import type { FailoverSettings } from './failover-options.ts'
import type { Store } from './store.ts'

/** Asked of a store to learn whether it answers; nothing is ever stored under it. */
const probeKey = '/%p'

/** One operation that changes something. */
export interface Change<T> {
  readonly operation: string
  readonly keys: readonly string[]
  readonly bytes: number
  /** @param mostMs how long it may be kept. */
  send(store: Store, mostMs: number): Promise<T>
  /** Whether what the other store has under the keys is out of date by it, if that is not so anyway. */
  readonly supersedes?: (result: T) => boolean
  /** That it is, whatever comes of it. */
  readonly surely?: boolean
  /** It asks what is there, so what should have been deleted goes first. */
  readonly looks?: boolean
  /** Nothing lies there afterwards. */
  readonly empties?: boolean
}

/**
 * The two stores, and which of them is used: the main one, or while that is out the gutter. A process uses one of
 * them at a time for everything, so a claim is taken and fulfilled in the same one, or not at all.
 *
 * Two rules keep what is old from coming back. What changes in the one is deleted in the other: in the main store at
 * the latest before it is believed again, for which its keys are remembered. And of the gutter nothing is remembered:
 * after a delete that it missed it is not used until all that it had then has ended, which is not long.
 */
export class FailoverSides {
  readonly main: ShardServer
  readonly gutter: ShardServer
  readonly #settings: FailoverSettings
  readonly #deadlines: Deadlines
  readonly #recovery: ShardRecovery
  readonly #gutterStepMs: number
  /** On the monotonic clock: what the gutter has may be out of date until then. */
  #suspectUntil = Number.NEGATIVE_INFINITY
  /** It is out, and answers what it is asked while it is watched. */
  #mainAnswers = false
  #closed = false

  constructor(settings: FailoverSettings, [main, gutter]: readonly [Store, Store]) {
    this.#settings = settings
    this.#deadlines = new Deadlines(settings.clock)
    this.#gutterStepMs = gutter.capabilities.ttlGranularityMs
    const server = (name: string, store: Store) =>
      new ShardServer({ name, weight: 1, store }, settings, this.#deadlines, {
        isPartial: (failing) => this.#isUsable(failing === this.main ? this.gutter : this.main),
        admit: (returning) => this.#admit(returning),
        onChange: () => this.#recovery.notice(),
      })
    this.main = server('main', main)
    this.gutter = server('gutter', gutter)
    this.#recovery = new ShardRecovery({
      settings,
      servers: [this.main],
      everyServer: [this.main, this.gutter],
      homeOf: () => this.main,
    })
  }

  /** The one that is used now; `undefined`: none. */
  get active(): ShardServer | undefined {
    if (!this.main.isOut) return this.main
    return this.#isUsable(this.gutter) ? this.gutter : undefined
  }

  #isUsable(side: ShardServer): boolean {
    if (side.isOut) return false
    return side === this.main || this.#settings.clock.monotonic() >= this.#suspectUntil
  }

  /** @throws StoreError where neither answers. */
  use(operation: string): ShardServer {
    const { active } = this
    if (active === undefined) throw this.#unavailable(operation)
    return active
  }

  #unavailable(operation: string): StoreError {
    const { name } = this.#settings
    return new StoreError(
      `neither the main store of '${name}' nor its gutter answers at present; both are probed until one does`,
      { kind: 'unavailable', store: name, operation },
    )
  }

  /** Whether what it has under the key should have been deleted. */
  isVoid(side: ShardServer, key: string): boolean {
    return side.missed.size > 0 && side.missed.has(key)
  }

  async change<T>(change: Change<T>): Promise<T> {
    const { operation, keys, looks = false, surely = false, empties = false } = change
    const side = this.active
    if (side === undefined) {
      if (empties) this.#missed(this.main, keys)
      throw this.#unavailable(operation)
    }
    const other = side === this.main ? this.gutter : this.main
    if (other === this.main) this.#refuseForgettable(operation, keys)
    if (looks) await this.#clear(side, keys)
    const mostMs = side === this.main ? Number.POSITIVE_INFINITY : this.#settings.ttlMs
    // Both at once, where it is clear beforehand: the other one may take its time, and gone is never wrong.
    const early = surely ? this.#remove(other, keys) : undefined
    let result: T
    try {
      result = await side.run(operation, change.bytes, (store) => change.send(store, mostMs))
    } catch (error) {
      await early
      if (empties && !(error instanceof ClosedError)) this.#missed(side, keys)
      throw error
    }
    if (early !== undefined) await early
    else if (change.supersedes?.(result)) await this.#remove(other, keys)
    else return result
    if (side.missed.size > 0) for (const key of keys) side.missed.forget(key)
    return result
  }

  async #admit(side: ShardServer): Promise<void> {
    await side.attempt('get', (store) => store.get(probeKey))
    if (side === this.main) this.#mainAnswers = true
    try {
      await this.#recovery.admit(side)
    } finally {
      if (side === this.main) this.#mainAnswers = false
    }
  }

  /** Whether a `replace` of this head stores what was loaded, which makes nothing out of date. */
  static fulfils(head: Uint8Array): boolean {
    return peekHead(head)?.kind === 'claim'
  }

  /** Nothing is promised that would be forgotten. */
  #refuseForgettable(operation: string, keys: readonly string[]): void {
    const { missed } = this.main
    if (missed.size + keys.length <= this.#settings.journalKeys) return
    const fresh = keys.filter((key) => !missed.has(key)).length
    const { name, journalKeys } = this.#settings
    if (missed.size + fresh <= journalKeys) return
    throw new StoreError(
      `the store '${name}' remembers ${missed.size} of at most ${journalKeys} keys that have to be deleted when its main store returns, and has no room for ${fresh} more; raise journal`,
      { kind: 'overloaded', store: name, operation, partial: true },
    )
  }

  /** Deletes in the other store, at once or before it is believed again. Never rejects. */
  async #remove(side: ShardServer, keys: readonly string[]): Promise<void> {
    // Noted before it is tried: whoever reads meanwhile must not find what is about to go.
    if (side === this.main) this.#missed(side, keys)
    // Other processes may believe it already while this one still watches it.
    const isWatched = side === this.main && this.#mainAnswers
    if (side.isOut && !isWatched) {
      if (side === this.gutter) this.#missed(side, keys)
      return
    }
    try {
      if (isWatched) await side.attempt('deleteMany', (store) => deleteAll(store, keys))
      else await side.deleteMany(keys)
    } catch (error) {
      if (!(error instanceof ClosedError)) this.#missed(side, keys)
    }
  }

  #missed(side: ShardServer, keys: readonly string[]): void {
    if (side === this.gutter) {
      const { clock, ttlMs } = this.#settings
      this.#suspectUntil = clock.monotonic() + ttlMs + 2 * this.#gutterStepMs
      return
    }
    for (const key of keys) side.missed.note(key)
    this.#recovery.notice()
  }

  async #clear(side: ShardServer, keys: readonly string[]): Promise<void> {
    if (side.missed.size === 0) return
    const old = keys.filter((key) => side.missed.has(key))
    if (old.length === 0) return
    await side.deleteMany(old)
    for (const key of old) side.missed.forget(key)
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#recovery.close()
    this.#deadlines.close()
    await Promise.all([this.main.close(), this.gutter.close()])
  }
}
