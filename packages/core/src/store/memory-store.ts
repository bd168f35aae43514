import { ClosedError, StoreError, type StoreErrorKind } from '../errors.ts'
import { refuseUnknownNames } from '../options/known-names.ts'
import { readCount, readObject } from '../options/readers.ts'
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
export type MemoryStore = Required<Omit<Store, 'onPrimaryChange' | 'changedElsewhere'>>

type LimitOption = 'maxKeyBytes' | 'maxValueBytes'

const bounds = ['maxEntries', 'maxBytes', 'maxKeyBytes', 'maxValueBytes'] as const

/**
 * The reference: a store in this process's memory that behaves as a shared one does. Bytes are copied on their way in
 * and out. For tests, and as the pattern for other adapters; it shares nothing with other processes.
 * @throws InvalidOptionError
 */
export function memoryStore(options: MemoryStoreOptions = {}): MemoryStore {
  refuseUnknownNames(
    readObject(options, 'memoryStore'),
    ['name', 'backing', 'clock', ...bounds],
    'memoryStore',
  )
  for (const bound of bounds) if (options[bound] !== undefined) readCount(0)(options[bound], bound)
  const name = options.name ?? 'memory'
  const backing = options.backing ?? new MemoryBacking(options)
  const { maxKeyBytes = 65_536, maxValueBytes = 64 * 1024 * 1024 } = options
  const limits = { maxKeyBytes, maxValueBytes }
  const buses = new Set<Bus>()
  let closed = false

  const refuse = (operation: string, kind: StoreErrorKind, came: number, option: LimitOption) => {
    const what = kind === 'too-large' ? 'values' : 'keys'
    throw new StoreError(
      `the store '${name}' takes ${what} of at most ${limits[option]} bytes, not of ${came}; give it less or raise ${option}`,
      { kind, store: name, operation },
    )
  }
  /** What every operation asks before it begins. */
  const check = (
    operation: string,
    keys: readonly string[] = [],
    values: readonly Uint8Array[] = [],
  ) => {
    if (closed) throw new ClosedError(`${operation} on the store '${name}', which has been closed`)
    for (const key of keys) {
      const came = Buffer.byteLength(key)
      if (came > limits.maxKeyBytes) refuse(operation, 'invalid-key', came, 'maxKeyBytes')
    }
    for (const { byteLength } of values) {
      if (byteLength > limits.maxValueBytes)
        refuse(operation, 'too-large', byteLength, 'maxValueBytes')
    }
  }
  const copyOf = (key: string) => {
    const bytes = backing.read(key)
    return bytes && new Uint8Array(bytes)
  }

  return {
    name,
    capabilities: {
      ttlGranularityMs: 1,
      ...limits,
      ...(backing.bounded ? { evicts: true } : {}),
    } satisfies StoreCapabilities,

    async get(key: string) {
      check('get', [key])
      return copyOf(key)
    },
    async set(key: string, bytes: Uint8Array, { ttlMs }: Keep) {
      check('set', [key], [bytes])
      backing.write(key, bytes, ttlMs)
    },
    async delete(key: string) {
      check('delete', [key])
      backing.remove(key)
    },
    async getMany(keys: readonly string[]) {
      check('getMany', keys)
      return keys.map(copyOf)
    },
    async setMany(entries: readonly StoreEntry[]) {
      check(
        'setMany',
        entries.map(({ key }) => key),
        entries.map(({ bytes }) => bytes),
      )
      for (const { key, bytes, ttlMs } of entries) backing.write(key, bytes, ttlMs)
    },
    async deleteMany(keys: readonly string[]) {
      check('deleteMany', keys)
      for (const key of keys) backing.remove(key)
    },
    // Each of the next three runs without a pause from its look to its write: that is what makes it atomic here.
    async add(key: string, bytes: Uint8Array, { ttlMs }: Keep) {
      check('add', [key], [bytes])
      const there = copyOf(key)
      if (there === undefined) backing.write(key, bytes, ttlMs)
      return there
    },
    async replace(key: string, head: Uint8Array, bytes: Uint8Array, { ttlMs }: Keep) {
      check('replace', [key], [bytes])
      const there = backing.read(key)
      if (there === undefined || !head.every((byte, index) => there[index] === byte)) return false
      backing.write(key, bytes, ttlMs)
      return true
    },
    async touch(key: string, { ttlMs }: Keep) {
      check('touch', [key])
      return backing.extend(key, ttlMs)
    },
    async *list(prefix: string) {
      check('list')
      for (const key of backing.keys()) {
        if (key.startsWith(prefix)) yield key
        check('list')
      }
    },
    bus() {
      check('bus')
      const bus = memoryBus(backing.hub)
      buses.add(bus)
      return bus
    },
    async metrics(): Promise<StoreMetrics> {
      check('metrics')
      return backing.metrics()
    },
    async close() {
      closed = true
      for (const bus of buses) await bus.close()
      buses.clear()
    },
  }
}
