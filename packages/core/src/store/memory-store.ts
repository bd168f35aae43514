import { ClosedError, StoreError } from '../errors.ts'
import { MemoryBacking, type MemoryBackingOptions } from './memory-backing.ts'
import { memoryBus } from './memory-bus.ts'
import type { Bus, Keep, Store, StoreCapabilities, StoreEntry, StoreMetrics } from './store.ts'

export interface MemoryStoreOptions extends MemoryBackingOptions {
  /** Default `'memory'`. */
  readonly name?: string
  /** What to keep the entries in, shared with other stores. Default: its own; then the three options above hold. */
  readonly backing?: MemoryBacking
  /** The longest key, in bytes of UTF-8. Default 65,536. */
  readonly maxKeyBytes?: number
  /** The largest value, in bytes. Default 64 MiB. */
  readonly maxValueBytes?: number
}

/** A memory store has every optional method. */
export type MemoryStore = Required<Store>

const defaultMaxKeyBytes = 65_536
const defaultMaxValueBytes = 64 * 1024 * 1024

/**
 * The reference: a store in this process's memory that behaves as a shared one does. Bytes are copied on their way in
 * and out. For tests, and as the pattern for other adapters; it shares nothing with other processes.
 */
export function memoryStore(options: MemoryStoreOptions = {}): MemoryStore {
  const name = options.name ?? 'memory'
  const backing = options.backing ?? new MemoryBacking(options)
  const maxKeyBytes = options.maxKeyBytes ?? defaultMaxKeyBytes
  const maxValueBytes = options.maxValueBytes ?? defaultMaxValueBytes
  const buses = new Set<Bus>()
  let closed = false

  const begin = (operation: string) => {
    if (closed) throw new ClosedError(`${operation} on the store '${name}', which has been closed`)
  }
  const checkKey = (operation: string, key: string) => {
    begin(operation)
    // UTF-8 takes at most three bytes for each UTF-16 unit, so most keys need no counting.
    if (key.length * 3 <= maxKeyBytes) return
    const bytes = Buffer.byteLength(key)
    if (bytes <= maxKeyBytes) return
    throw new StoreError(
      `the store '${name}' takes keys of at most ${maxKeyBytes} bytes, not of ${bytes}; shorten the key or raise maxKeyBytes`,
      { kind: 'invalid-key', store: name, operation },
    )
  }
  const checkValue = (operation: string, bytes: Uint8Array) => {
    if (bytes.byteLength <= maxValueBytes) return
    throw new StoreError(
      `the store '${name}' takes values of at most ${maxValueBytes} bytes, not of ${bytes.byteLength}; keep less or raise maxValueBytes`,
      { kind: 'too-large', store: name, operation },
    )
  }
  const copyOf = (key: string) => {
    const bytes = backing.read(key)
    return bytes === undefined ? undefined : new Uint8Array(bytes)
  }

  return {
    name,
    capabilities: {
      ttlGranularityMs: 1,
      maxKeyBytes,
      maxValueBytes,
      ...(backing.bounded ? { evicts: true } : {}),
    } satisfies StoreCapabilities,

    async get(key: string) {
      checkKey('get', key)
      return copyOf(key)
    },
    async set(key: string, bytes: Uint8Array, keep: Keep) {
      checkKey('set', key)
      checkValue('set', bytes)
      backing.write(key, bytes, keep.ttlMs)
    },
    async delete(key: string) {
      checkKey('delete', key)
      backing.remove(key)
    },
    async getMany(keys: readonly string[]) {
      begin('getMany')
      for (const key of keys) checkKey('getMany', key)
      return keys.map(copyOf)
    },
    async setMany(entries: readonly StoreEntry[]) {
      begin('setMany')
      for (const { key, bytes } of entries) {
        checkKey('setMany', key)
        checkValue('setMany', bytes)
      }
      for (const { key, bytes, ttlMs } of entries) backing.write(key, bytes, ttlMs)
    },
    async deleteMany(keys: readonly string[]) {
      begin('deleteMany')
      for (const key of keys) checkKey('deleteMany', key)
      for (const key of keys) backing.remove(key)
    },
    // Each of the next three runs without a pause from its look to its write: that is what makes it atomic here.
    async add(key: string, bytes: Uint8Array, keep: Keep) {
      checkKey('add', key)
      checkValue('add', bytes)
      const there = copyOf(key)
      if (there === undefined) backing.write(key, bytes, keep.ttlMs)
      return there
    },
    async replace(key: string, head: Uint8Array, bytes: Uint8Array, keep: Keep) {
      checkKey('replace', key)
      checkValue('replace', bytes)
      const there = backing.read(key)
      if (there === undefined || !beginsWith(there, head)) return false
      backing.write(key, bytes, keep.ttlMs)
      return true
    },
    async touch(key: string, keep: Keep) {
      checkKey('touch', key)
      return backing.extend(key, keep.ttlMs)
    },
    async *list(prefix: string) {
      begin('list')
      for (const key of backing.keys()) {
        if (key.startsWith(prefix)) yield key
        begin('list')
      }
    },
    bus() {
      begin('bus')
      const bus = memoryBus(backing.hub)
      buses.add(bus)
      return bus
    },
    async metrics(): Promise<StoreMetrics> {
      begin('metrics')
      return {
        hits: backing.hits,
        misses: backing.misses,
        evictions: backing.evictions,
        entries: backing.size,
        usedBytes: backing.usedBytes,
        ...(backing.limitBytes === Infinity ? {} : { limitBytes: backing.limitBytes }),
      }
    },
    async close() {
      closed = true
      for (const bus of buses) await bus.close()
      buses.clear()
    },
  }
}

function beginsWith(bytes: Uint8Array, head: Uint8Array): boolean {
  if (head.byteLength > bytes.byteLength) return false
  return head.every((byte, index) => bytes[index] === byte)
}
