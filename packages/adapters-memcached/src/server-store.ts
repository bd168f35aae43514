import { ClosedError, type Keep, type Store, type StoreEntry, StoreError } from '@holdfast/core'
import type { Driver } from './driver.ts'
import { type ItemSettings, ServerItems } from './server-items.ts'
import { metricsOf } from './server-stats.ts'

/** What every server of a store has in common. */
export interface StoreLimits extends ItemSettings {
  readonly maxValueBytes: number
  readonly maxKeyBytes: number
}

/** A store over Memcached. It can do all but list keys and carry messages, which Memcached cannot. */
export type MemcachedStore = Store &
  Required<
    Pick<
      Store,
      'getMany' | 'setMany' | 'deleteMany' | 'add' | 'replace' | 'touch' | 'metrics' | 'close'
    >
  >

/** The store over one server. */
export function serverStore(driver: Driver, limits: StoreLimits): MemcachedStore {
  const { name, maxKeyBytes, maxValueBytes } = limits
  const items = new ServerItems(driver, limits)
  let closed = false

  const check = (operation: string, key: string, bytes?: Uint8Array) => {
    if (closed) throw closedError(operation)
    // UTF-8 takes at most three bytes for each UTF-16 unit, so most keys need no counting.
    if (key.length * 3 > maxKeyBytes && Buffer.byteLength(key) > maxKeyBytes) {
      throw new StoreError(
        `the store '${name}' takes keys of at most ${maxKeyBytes} bytes, not of ${Buffer.byteLength(key)}; shorten the key`,
        { kind: 'invalid-key', store: name, operation },
      )
    }
    if (bytes !== undefined && bytes.byteLength > maxValueBytes) {
      throw new StoreError(
        `the store '${name}' takes values of at most ${maxValueBytes} bytes, not of ${bytes.byteLength}; keep less or raise maxValueBytes`,
        { kind: 'too-large', store: name, operation },
      )
    }
  }
  const closedError = (operation: string) =>
    new ClosedError(`${operation} on the store '${name}', which has been closed`)

  return {
    name,
    // A refused overwrite drops the old value, and whatever is stored may go for room.
    capabilities: { ttlGranularityMs: 1_000, maxKeyBytes, maxValueBytes, evicts: true },

    get(key: string) {
      try {
        check('get', key)
      } catch (error) {
        return Promise.reject(error)
      }
      return items.get(key)
    },
    async set(key: string, bytes: Uint8Array, { ttlMs }: Keep) {
      check('set', key, bytes)
      await items.set(key, bytes, ttlMs)
    },
    async delete(key: string) {
      check('delete', key)
      await items.delete(key)
    },
    async getMany(keys: readonly string[]) {
      if (closed) throw closedError('getMany')
      for (const key of keys) check('getMany', key)
      return items.getMany(keys)
    },
    async setMany(entries: readonly StoreEntry[]) {
      if (closed) throw closedError('setMany')
      for (const { key, bytes } of entries) check('setMany', key, bytes)
      await items.setMany(entries)
    },
    async deleteMany(keys: readonly string[]) {
      if (closed) throw closedError('deleteMany')
      for (const key of keys) check('deleteMany', key)
      await items.deleteMany(keys)
    },
    async add(key: string, bytes: Uint8Array, { ttlMs }: Keep) {
      check('add', key, bytes)
      return items.add(key, bytes, ttlMs)
    },
    async replace(key: string, head: Uint8Array, bytes: Uint8Array, { ttlMs }: Keep) {
      check('replace', key, bytes)
      return items.replace(key, head, bytes, ttlMs)
    },
    async touch(key: string, { ttlMs }: Keep) {
      check('touch', key)
      return items.touch(key, ttlMs)
    },
    async metrics() {
      if (closed) throw closedError('metrics')
      return { ...metricsOf(await driver.stats()), damaged: items.damaged }
    },
    async close() {
      if (closed) return
      closed = true
      await driver.close()
    },
  }
}
