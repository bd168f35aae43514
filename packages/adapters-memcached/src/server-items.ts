import { randomBytes } from 'node:crypto'
import { type Clock, type StoreEntry, StoreError } from '@holdfast/core'
import { join, type Packed, pack, payloadLimit, type Unpacked, unpack } from './chunks.ts'
import type { Driver, Item } from './driver.ts'
import { inWindows } from './in-windows.ts'
import { alreadyOver, expiryOf } from './memcached-expiry.ts'
import { type WireKey, wireKey } from './memcached-key.ts'

/** Chunks outlive their value by this, so that a value which is there is whole: they are stored before it. */
const chunkGraceMs = 2_000

/** Writers that keep getting in between each other's read and write: each time one of them got on. */
const mostTries = 100

export interface ItemSettings {
  readonly name: string
  readonly clock: Clock
  readonly itemBytes: number
  readonly commandTimeoutMs: number
}

type Bytes = Uint8Array | undefined

/** Values on one server: under legal keys, for whole seconds, and in as many items as they need. */
export class ServerItems {
  readonly #driver: Driver
  readonly #clock: Clock
  readonly #store: string
  readonly #limit: number
  readonly #commandTimeoutMs: number
  /** Values that were not whole, or not what their key says. */
  damaged = 0

  constructor(driver: Driver, { name, clock, itemBytes, commandTimeoutMs }: ItemSettings) {
    this.#driver = driver
    this.#clock = clock
    this.#store = name
    this.#limit = payloadLimit(itemBytes)
    this.#commandTimeoutMs = commandTimeoutMs
  }

  get(key: string): Promise<Bytes> {
    const wire = wireKey(key)
    return this.#driver.get(wire.key).then((item) => this.#valueOf(wire, item))
  }

  async getMany(keys: readonly string[]): Promise<Bytes[]> {
    const wires = keys.map(wireKey)
    const items = await this.#driver.getMany(wires.map(({ key }) => key))
    const values: Bytes[] = []
    const parts: Promise<void>[] = []
    for (let index = 0; index < wires.length; index++) {
      const value = this.#valueOf(wires[index]!, items[index])
      if (value instanceof Promise) {
        parts.push(
          value.then((whole) => {
            values[index] = whole
          }),
        )
        values.push(undefined)
      } else values.push(value)
    }
    if (parts.length > 0) await Promise.all(parts)
    return values
  }

  /** Like every command, it is not written later than its deadline, also where it takes several. */
  async set(key: string, bytes: Uint8Array, ttlMs: number): Promise<void> {
    if (ttlMs <= 0) return this.delete(key)
    const wire = wireKey(key)
    const isInTime = this.#deadline()
    const packed = await this.#packed(wire, bytes, ttlMs)
    if (!isInTime()) throw this.#late('set')
    await this.#driver.set(wire.key, packed.bytes, this.#expiry(ttlMs), packed.flags)
  }

  async setMany(entries: readonly StoreEntry[]): Promise<void> {
    const isInTime = this.#deadline()
    await inWindows(
      entries,
      ({ bytes }) => bytes.byteLength,
      ({ key, bytes, ttlMs }) => this.set(key, bytes, ttlMs),
      (errors) => {
        if (errors.length === 0 && !isInTime()) throw this.#late('setMany')
        return errors.length === 0
      },
    )
  }

  /** Whatever becomes of some, all are tried: a late delete does no harm, one that is left out may. */
  deleteMany(keys: readonly string[]): Promise<void> {
    return inWindows(
      keys,
      (key) => key.length,
      (key) => this.delete(key),
      () => true,
    )
  }

  /** Chunks are left to their lifetime: nobody can read them without the item that names them. */
  async delete(key: string): Promise<void> {
    await this.#driver.delete(wireKey(key).key)
  }

  async touch(key: string, ttlMs: number): Promise<boolean> {
    const wire = wireKey(key)
    if (ttlMs <= 0) return this.#driver.delete(wire.key)
    // Whether there are chunks only the item says; both questions go out together.
    const [touched, item] = await Promise.all([
      this.#driver.touch(wire.key, this.#expiry(ttlMs)),
      this.#driver.get(wire.key),
    ])
    const rest = item && unpack(item.bytes, item.flags, wire.full)?.rest
    if (!touched || rest === undefined) return touched
    const expiry = this.#expiry(ttlMs + chunkGraceMs)
    await Promise.all(rest.keys.map((chunk) => this.#driver.touch(chunk, expiry)))
    return true
  }

  async add(key: string, bytes: Uint8Array, ttlMs: number): Promise<Bytes> {
    const wire = wireKey(key)
    // Nothing is to be stored, so what is there is all there is to say; and chunks are not stored for nothing.
    if (ttlMs <= 0 || !this.#fitsOne(wire, bytes)) {
      const there = await this.get(key)
      if (ttlMs <= 0 || there !== undefined) return there
    }
    const packed = await this.#packed(wire, bytes, ttlMs)
    for (let tries = 0; tries < mostTries; tries++) {
      const expiry = this.#expiry(ttlMs)
      const found = await this.#driver.addOrGet(wire.key, packed.bytes, expiry, packed.flags)
      if (found === 'stored') return undefined
      if (found === 'gone') continue
      const value = await this.#valueOf(wire, found)
      if (value !== undefined) return value
      // Something is there that nobody can read: it must not be in the way for ever.
      if ((await this.#swap(wire, packed, ttlMs, found)) === 'stored') return undefined
    }
    throw this.#contended('add')
  }

  async replace(key: string, head: Uint8Array, bytes: Uint8Array, ttlMs: number): Promise<boolean> {
    const wire = wireKey(key)
    let packed: Packed | undefined
    for (let tries = 0; tries < mostTries; tries++) {
      const item = await this.#driver.get(wire.key)
      const unpacked = item && unpack(item.bytes, item.flags, wire.full)
      if (unpacked === undefined || !(await this.#beginsWith(unpacked, head))) return false
      packed ??= await this.#packed(wire, bytes, ttlMs)
      const outcome = await this.#swap(wire, packed, ttlMs, item!)
      if (outcome !== 'exists') return outcome === 'stored'
      // Somebody wrote in between: a new beat of the same claim, or something else.
    }
    throw this.#contended('replace')
  }

  #swap(wire: WireKey, packed: Packed, ttlMs: number, { cas }: Item) {
    const expiry = ttlMs <= 0 ? alreadyOver : this.#expiry(ttlMs)
    return this.#driver.compareAndSet(wire.key, packed.bytes, expiry, cas, packed.flags)
  }

  #valueOf(wire: WireKey, item: Item | undefined): Bytes | Promise<Bytes> {
    if (item === undefined) return undefined
    if (item.flags === 0 && wire.full === undefined) return item.bytes
    const unpacked = unpack(item.bytes, item.flags, wire.full)
    if (unpacked !== undefined && unpacked.rest === undefined) return unpacked.start
    if (unpacked !== undefined) return this.#whole(unpacked)
    this.damaged++
    return undefined
  }

  async #whole(unpacked: Unpacked): Promise<Bytes> {
    const items = await this.#driver.getMany(unpacked.rest!.keys)
    const value = join(
      unpacked,
      items.map((item) => item?.bytes),
    )
    if (value === undefined) this.damaged++
    return value
  }

  async #beginsWith(unpacked: Unpacked, head: Uint8Array): Promise<boolean> {
    const { start, rest } = unpacked
    const value = head.byteLength <= start.byteLength || !rest ? start : await this.#whole(unpacked)
    if (value === undefined || value.byteLength < head.byteLength) return false
    return Buffer.compare(value.subarray(0, head.byteLength), head) === 0
  }

  #fitsOne({ full }: WireKey, bytes: Uint8Array): boolean {
    return bytes.byteLength + (full === undefined ? 0 : full.byteLength + 4) <= this.#limit
  }

  /** The item of a value, its chunks stored. */
  async #packed(wire: WireKey, bytes: Uint8Array, ttlMs: number): Promise<Packed> {
    const packed = pack(bytes, wire.full, this.#limit, () => randomBytes(16))
    if (packed.chunks.length > 0 && ttlMs > 0) {
      const expiry = this.#expiry(ttlMs + chunkGraceMs)
      await inWindows(
        packed.chunks,
        (chunk) => chunk.bytes.byteLength,
        (chunk) => this.#driver.set(chunk.key, chunk.bytes, expiry),
        (errors) => errors.length === 0,
      )
    }
    return packed
  }

  #expiry(ttlMs: number): number {
    return expiryOf(ttlMs, this.#clock.now())
  }

  #deadline(): () => boolean {
    const endsAt = this.#clock.monotonic() + this.#commandTimeoutMs
    return () => this.#clock.monotonic() <= endsAt
  }

  #late(operation: string): StoreError {
    return new StoreError(
      `${operation} on the store '${this.#store}' was not done within ${this.#commandTimeoutMs} ms; see commandTimeout`,
      { kind: 'timeout', store: this.#store, operation },
    )
  }

  #contended(operation: string): StoreError {
    return new StoreError(
      `${operation} on the store '${this.#store}' met another writer of the same key ${mostTries} times in a row`,
      { kind: 'overloaded', store: this.#store, operation },
    )
  }
}
