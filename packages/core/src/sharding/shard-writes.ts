import { peekHead } from '../entry/head.ts'
import { ClosedError, StoreError } from '../errors.ts'
import type { Keep, Store, StoreEntry } from '../store/store.ts'
import type { ShardPool, Spot } from './shard-pool.ts'
import type { ShardServer } from './shard-server.ts'

interface Write<T> {
  readonly operation: string
  readonly key: string
  readonly bytes: number
  send(store: Store): Promise<T>
  /** Whether what lies elsewhere under the key is out of date by it. */
  supersedes(result: T): boolean
  /** What a second copy needs to be the same. */
  mirror(result: T): ((store: Store) => Promise<unknown>) | undefined
  /** It asks what is there, so what should have been deleted goes first. */
  readonly looks?: boolean
  /** Nothing lies there afterwards. */
  readonly empties?: boolean
}

/**
 * Writes of a sharded store. One rule keeps old values from coming back: a write that supersedes what was there is
 * done where the key is now, and wherever else something older may lie under it the key is deleted, at once where
 * that server answers, and else before it is believed again.
 */
export class ShardWrites {
  readonly #pool: ShardPool

  constructor(pool: ShardPool) {
    this.#pool = pool
  }

  set(key: string, bytes: Uint8Array, keep: Keep): Promise<void> {
    return this.#write({
      operation: 'set',
      key,
      bytes: key.length + bytes.byteLength,
      send: (store) => store.set(key, bytes, this.#keep(key, keep)),
      supersedes: () => true,
      mirror: () => (store) => store.set(key, bytes, keep),
    })
  }

  delete(key: string): Promise<void> {
    return this.#write({
      operation: 'delete',
      key,
      bytes: key.length,
      send: (store) => store.delete(key),
      supersedes: () => true,
      mirror: () => (store) => store.delete(key),
      empties: true,
    })
  }

  async add(key: string, bytes: Uint8Array, keep: Keep): Promise<Uint8Array | undefined> {
    const { before } = this.#pool.spotOf(key)
    if (isUsable(before, key)) {
      // While the servers have just changed, a key may still stand where it was.
      const there = await before.get(key)
      if (there !== undefined) return there
    }
    return this.#write({
      operation: 'add',
      key,
      bytes: key.length + bytes.byteLength,
      send: (store) => store.add!(key, bytes, this.#keep(key, keep)),
      // What its own server holds, if it cannot be asked, was not invalidated by this.
      supersedes: () => false,
      mirror: (there) => (there === undefined ? (store) => store.set(key, bytes, keep) : undefined),
      looks: true,
    })
  }

  async replace(key: string, head: Uint8Array, bytes: Uint8Array, keep: Keep): Promise<boolean> {
    const fulfils = peekHead(head)?.kind === 'claim'
    const replaced = await this.#write({
      operation: 'replace',
      key,
      bytes: key.length + bytes.byteLength,
      send: (store) => store.replace!(key, head, bytes, this.#keep(key, keep)),
      // A load that is done invalidates nothing; a refresh or an expiry leaves no older value valid.
      supersedes: (done) => done && !fulfils,
      mirror: (done) => (done ? (store) => store.set(key, bytes, keep) : undefined),
      looks: true,
    })
    if (replaced) return true
    const { before } = this.#pool.spotOf(key)
    if (!isUsable(before, key)) return false
    return before.run('replace', bytes.byteLength, (store) =>
      store.replace!(key, head, bytes, keep),
    )
  }

  async touch(key: string, keep: Keep): Promise<boolean> {
    const touched = await this.#write({
      operation: 'touch',
      key,
      bytes: key.length,
      send: (store) => store.touch!(key, this.#keep(key, keep)),
      supersedes: () => keep.ttlMs <= 0,
      mirror: () => (store) => store.touch!(key, keep),
      looks: true,
    })
    if (touched) return true
    const { before } = this.#pool.spotOf(key)
    if (!isUsable(before, key)) return false
    return before.run('touch', key.length, (store) => store.touch!(key, keep))
  }

  setMany(entries: readonly StoreEntry[]): Promise<void> {
    return this.#many(
      entries,
      ({ key }) => key,
      (server, part) => server.setMany(part),
      ({ key, bytes, ttlMs }) => this.set(key, bytes, { ttlMs }),
    )
  }

  deleteMany(keys: readonly string[]): Promise<void> {
    return this.#many(
      keys,
      (key) => key,
      (server, part) =>
        server.deleteMany(part).catch((error: unknown) => {
          for (const key of part) this.#note(server, key)
          throw error
        }),
      (key) => this.delete(key),
    )
  }

  /** Groups what is simple by server, and takes the rest one by one. Rejects with the first failure once all is done. */
  async #many<T>(
    items: readonly T[],
    keyOf: (item: T) => string,
    together: (server: ShardServer, part: T[]) => Promise<void>,
    alone: (item: T) => Promise<void>,
  ): Promise<void> {
    const pool = this.#pool
    pool.look()
    const parts = new Map<ShardServer, T[]>()
    const work: Promise<void>[] = []
    for (const item of items) {
      const key = keyOf(item)
      const home = pool.isPlainToWrite ? pool.homeOf(key) : this.#simpleHome(key)
      if (home === undefined) {
        work.push(alone(item))
        continue
      }
      const part = parts.get(home)
      if (part === undefined) parts.set(home, [item])
      else part.push(item)
    }
    for (const [server, part] of parts) {
      work.push(
        together(server, part).then(() => {
          if (server.missed.size > 0) for (const item of part) server.missed.forget(keyOf(item))
        }),
      )
    }
    for (const done of await Promise.allSettled(work)) {
      if (done.status === 'rejected') throw done.reason
    }
  }

  /** The server of a key that lies there and nowhere else. */
  #simpleHome(key: string): ShardServer | undefined {
    const spot = this.#pool.spotOf(key)
    const { home, at, copy } = spot
    if (at !== home || copy !== undefined) return undefined
    return this.#pool.olderPlaces(key, spot).length === 0 ? home : undefined
  }

  async #write<T>(write: Write<T>): Promise<T> {
    const pool = this.#pool
    pool.look()
    const { operation, key } = write
    const spot = pool.spotOf(key)
    const { home, at, copy } = spot
    if (at === undefined) {
      if (write.empties) this.#note(home, key)
      throw home.unavailable(operation)
    }
    const older = pool.olderPlaces(key, spot)
    if (at !== home || older.length > 0) this.#refuseForgettable(write, spot, older)
    if (write.looks && at.missed.has(key)) await this.#clear(at, key)
    let result: T
    try {
      result = await at.run(operation, write.bytes, (store) => write.send(store))
    } catch (error) {
      if (write.empties && !(error instanceof ClosedError)) this.#note(at, key)
      throw error
    }
    const supersedes = write.supersedes(result)
    if (supersedes) at.missed.forget(key)
    if (write.empties) at.strays.delete(key)
    const more: Promise<void>[] = []
    const mirror = copy && write.mirror(result)
    if (copy !== undefined && mirror !== undefined)
      more.push(this.#mirror(copy, operation, key, mirror))
    if (supersedes) for (const place of older) more.push(this.#remove(place, key, spot))
    if (more.length > 0) await Promise.all(more)
    return result
  }

  /** Nothing is promised that would be forgotten. */
  #refuseForgettable<T>(write: Write<T>, { home, at }: Spot, older: readonly ShardServer[]): void {
    const { key, operation } = write
    const { journalKeys } = this.#pool.settings
    const standIn = at !== home && !write.empties ? at : undefined
    const isFull =
      standIn !== undefined && !standIn.strays.has(key) && standIn.strays.size >= journalKeys
    const full = isFull
      ? standIn
      : older.find((place) => place.isOut && !place.missed.hasRoomFor(key))
    if (full !== undefined) throw this.#overloaded(full, operation)
    if (standIn !== undefined) this.#pool.recovery.stray(key, standIn)
  }

  #overloaded(server: ShardServer, operation: string): StoreError {
    const { name, journalKeys } = this.#pool.settings
    return new StoreError(
      `the store '${name}' remembers ${journalKeys} keys that have to be deleted when the server '${server.name}' or those it stands in for return, and has no room for one more; raise journal`,
      { kind: 'overloaded', store: name, operation, partial: true },
    )
  }

  async #mirror(
    copy: ShardServer,
    operation: string,
    key: string,
    mirror: (store: Store) => Promise<unknown>,
  ): Promise<void> {
    if (copy.isOut) {
      if (!this.#note(copy, key)) throw this.#overloaded(copy, operation)
      return
    }
    try {
      await copy.run(operation, key.length, mirror)
      copy.missed.forget(key)
    } catch (error) {
      // It may be asked at once if the other fails, so this is no success.
      this.#note(copy, key)
      throw error
    }
  }

  async #remove(place: ShardServer, key: string, { before }: Spot): Promise<void> {
    if (place.isOut) {
      if (!this.#note(place, key)) throw this.#overloaded(place, 'delete')
      if (place === before && this.#pool.settings.onFailure === 'fail-fast')
        throw place.unavailable('delete')
      return
    }
    try {
      await this.#clear(place, key)
      place.strays.delete(key)
    } catch (error) {
      if (!this.#note(place, key) || place === before) throw error
    }
  }

  async #clear(server: ShardServer, key: string): Promise<void> {
    await server.run('delete', key.length, (store) => store.delete(key))
    server.missed.forget(key)
  }

  #note(server: ShardServer, key: string): boolean {
    const isNoted = server.missed.note(key)
    this.#pool.recovery.notice()
    return isNoted
  }

  /** In a gutter nothing lives long: its own server is to be asked again soon. */
  #keep(key: string, keep: Keep): Keep {
    const { standInTtlMs } = this.#pool.settings
    if (standInTtlMs >= keep.ttlMs) return keep
    const { home, at } = this.#pool.spotOf(key)
    return home === at ? keep : { ttlMs: standInTtlMs }
  }
}

function isUsable(server: ShardServer | undefined, key: string): server is ShardServer {
  return server !== undefined && !server.isOut && !server.missed.has(key)
}
