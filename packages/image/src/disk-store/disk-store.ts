import { hash } from 'node:crypto'
import { resolve } from 'node:path'
import {
  type Clock,
  ClosedError,
  type Keep,
  type Store,
  StoreError,
  type StoreErrorKind,
  type TimerHandle,
} from '@holdfast/core'
import { systemClock } from '@holdfast/core/adapter'
import { diskError, isDiskFull } from './disk-errors.ts'
import { DiskFolder, foreign } from './disk-folder.ts'
import { DiskKeeper } from './disk-keeper.ts'
import { type DiskStoreOptions, readDiskOptions } from './disk-options.ts'
import { decodeEntryFile, encodeEntryFile, headBytes, readHead } from './entry-file.ts'
import { verifies } from './self-verifying.ts'

const name = 'disk'
const maxKeyBytes = 65_536
/** How long the first calls wait for the folder to be read; a large one is read on behind them. */
const openingMs = 100

/** What a disk store has beyond the three methods that every store has. */
export type DiskStore = Store & Required<Pick<Store, 'list' | 'metrics' | 'close'>>

/**
 * A store in a folder of this machine: one file per entry under a hashed name, written whole or not at all, believed
 * only if its digest holds, and bounded in bytes and in number; the one unused longest goes first. Several processes
 * may use one folder, and share neither claims nor a bus: each loads a cold key once. Files in the folder that are not
 * its own are left alone.
 *
 * `metrics().damaged` counts files that were cut, altered, empty or under another name: each was a miss and is gone.
 * @throws InvalidOptionError
 */
export function diskStore(options: DiskStoreOptions): DiskStore {
  const { directory, maxBytes, maxEntries, maxValueBytes, clock } = readDiskOptions(options)
  return new FolderStore(new DiskFolder(resolve(directory)), clock ?? systemClock, {
    maxBytes,
    maxEntries,
    maxValueBytes,
  })
}

interface Bounds {
  readonly maxBytes: number
  readonly maxEntries: number
  readonly maxValueBytes: number
}

class FolderStore implements DiskStore {
  readonly name = name
  readonly [verifies] = true
  readonly capabilities
  readonly #folder: DiskFolder
  readonly #clock: Clock
  readonly #keeper: DiskKeeper
  readonly #bounds: Bounds
  /** The last write of each entry that is under way: of two, the later one is to stay. */
  readonly #writing = new Map<string, Promise<unknown>>()
  #opening: Promise<void> | undefined
  #isClosed = false
  #hits = 0
  #misses = 0
  #damaged = 0

  constructor(folder: DiskFolder, clock: Clock, bounds: Bounds) {
    this.#folder = folder
    this.#clock = clock
    this.#bounds = bounds
    this.#keeper = new DiskKeeper(folder, clock, bounds, () => this.#damaged++)
    const { maxValueBytes } = bounds
    this.capabilities = { ttlGranularityMs: 1, maxKeyBytes, maxValueBytes, evicts: true }
    this.#opening = this.#opened()
  }

  async #opened(): Promise<void> {
    let timer: TimerHandle
    const longEnough = new Promise<void>((resolve) => {
      timer = this.#clock.setTimeout(resolve, openingMs)
    })
    await Promise.race([this.#keeper.scan(), longEnough])
    this.#clock.clearTimeout(timer)
    this.#opening = undefined
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    const keyBytes = this.#check('get', key)
    if (this.#opening !== undefined) await this.#opening
    const file = nameOf(keyBytes)
    const found = await this.#try('get', () => this.#read(file, keyBytes))
    if (found === undefined) this.#misses++
    else this.#hits++
    return found
  }

  async #read(file: string, key: Uint8Array): Promise<Uint8Array | undefined> {
    const mostBytes = headBytes + maxKeyBytes + this.#bounds.maxValueBytes
    const found = await this.#folder.read(file, this.#keeper.index.get(file), mostBytes)
    if (found === undefined) {
      this.#keeper.index.drop(file)
      return undefined
    }
    const now = this.#clock.now()
    const entry =
      found === foreign ? { state: 'damaged' as const } : decodeEntryFile(found.file, key, now)
    if (entry.state === 'live' && found !== foreign) {
      this.#keeper.used(file, { bytes: found.bytes, usedAt: found.usedAt }, entry.expiresAt)
      return entry.bytes
    }
    if (entry.state === 'damaged') this.#damaged++
    // Behind a write of the same entry that may be under way: what it wrote is none of this.
    if (!this.#writing.has(file)) await this.#inTurn(file, () => this.#keeper.remove(file))
    return undefined
  }

  async set(key: string, bytes: Uint8Array, { ttlMs }: Keep): Promise<void> {
    const keyBytes = this.#check('set', key)
    const { maxValueBytes } = this.#bounds
    if (bytes.byteLength > maxValueBytes) {
      this.#refuse(
        'set',
        'too-large',
        `takes values of at most ${maxValueBytes} bytes, not of ${bytes.byteLength}; raise maxBytes, of which one value may take half`,
      )
    }
    if (this.#opening !== undefined) await this.#opening
    const file = nameOf(keyBytes)
    if (!(ttlMs > 0)) return this.#remove('set', file)
    const expiresAt = this.#clock.now() + ttlMs
    const content = encodeEntryFile(keyBytes, bytes, expiresAt)
    await this.#try('set', () =>
      this.#inTurn(file, async () => {
        try {
          await this.#folder.write(file, content)
        } catch (error) {
          if (!isDiskFull(error)) throw error
          // Room for this one may be all that is missing; whatever else fills the disk is not this store's to judge.
          await this.#keeper.makeRoom(content.byteLength)
          await this.#folder.write(file, content)
        }
        this.#keeper.wrote(file, content.byteLength, expiresAt)
      }),
    )
    await this.#try('set', () => this.#keeper.keepBounds())
  }

  async delete(key: string): Promise<void> {
    const keyBytes = this.#check('delete', key)
    if (this.#opening !== undefined) await this.#opening
    await this.#remove('delete', nameOf(keyBytes))
  }

  #remove(operation: string, file: string): Promise<void> {
    return this.#try(operation, () => this.#inTurn(file, () => this.#keeper.remove(file)))
  }

  /** For tools: it opens every file. */
  async *list(prefix: string): AsyncIterable<string> {
    this.#check('list')
    await this.#keeper.scan()
    for (const file of [...this.#keeper.index.names()]) {
      this.#check('list')
      const mostBytes = headBytes + maxKeyBytes + this.#bounds.maxValueBytes
      const found = await this.#try('list', () =>
        this.#folder.read(file, this.#keeper.index.get(file), mostBytes),
      )
      if (found === undefined || found === foreign) continue
      const head = readHead(found.file)
      if (head === undefined || !(head.expiresAt > this.#clock.now())) continue
      if (head.key.startsWith(prefix)) yield head.key
    }
  }

  async metrics() {
    this.#check('metrics')
    await this.#keeper.settled()
    const { index, evictions } = this.#keeper
    return {
      hits: this.#hits,
      misses: this.#misses,
      evictions,
      entries: index.entries,
      usedBytes: index.bytes,
      limitBytes: this.#bounds.maxBytes,
      damaged: this.#damaged,
    }
  }

  /** Waits for writes under way, so that none is left half done. */
  async close(): Promise<void> {
    this.#isClosed = true
    await Promise.allSettled(this.#writing.values())
    await this.#keeper.close()
  }

  #check(operation: string, key = ''): Uint8Array {
    if (this.#isClosed) {
      throw new ClosedError(`${operation} on the store '${name}', which has been closed`)
    }
    const bytes = Buffer.from(key)
    if (bytes.byteLength > maxKeyBytes) {
      this.#refuse(
        operation,
        'invalid-key',
        `takes keys of at most ${maxKeyBytes} bytes, not of ${bytes.byteLength}`,
      )
    }
    return bytes
  }

  #refuse(operation: string, kind: StoreErrorKind, what: string): never {
    throw new StoreError(`the store '${name}' ${what}`, { kind, store: name, operation })
  }

  async #try<T>(operation: string, run: () => Promise<T>): Promise<T> {
    try {
      return await run()
    } catch (error) {
      throw diskError(error, name, operation)
    }
  }

  /** After every earlier write of the same entry. */
  #inTurn<T>(file: string, run: () => Promise<T>): Promise<T> {
    const before = this.#writing.get(file)
    const mine = before === undefined ? run() : before.then(run, run)
    this.#writing.set(file, mine)
    const done = () => {
      if (this.#writing.get(file) === mine) this.#writing.delete(file)
    }
    mine.then(done, done)
    return mine
  }
}

const nameOf = (key: Uint8Array) => hash('sha256', key, 'hex')
