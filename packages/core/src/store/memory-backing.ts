import { type Clock, systemClock } from '../clock.ts'
import type { MemoryBusHub } from './memory-bus.ts'

/** An entry as the memory store keeps it. */
interface Kept {
  readonly bytes: Uint8Array
  readonly expiresAt: number
}

export interface MemoryBackingOptions {
  /** Default: the machine's own. Entries end by its monotonic reading, as those of a server end by the server's. */
  readonly clock?: Clock
  /** Default `Infinity`. Beyond it the entry that was used longest ago goes. */
  readonly maxEntries?: number
  /** Keys and values together. Default `Infinity`. Beyond it the entry that was used longest ago goes. */
  readonly maxBytes?: number
}

/** A write looks at this many older entries, so that what has ended goes although nobody asks for it again. */
const sweptPerWrite = 2

/**
 * What one or several memory stores keep their entries in. Handles on one backing see each other's entries and
 * messages at once, as processes do that share a server.
 */
export class MemoryBacking {
  readonly hub: MemoryBusHub = new Set()
  readonly bounded: boolean
  evictions = 0
  hits = 0
  misses = 0
  readonly #clock: Clock
  readonly #maxEntries: number
  readonly #maxBytes: number
  /** A Map keeps the order of insertion, and every use inserts again: its first entry is the one unused longest. */
  readonly #entries = new Map<string, Kept>()
  #sweep: Iterator<[string, Kept]> | undefined
  #bytes = 0

  constructor(options: MemoryBackingOptions = {}) {
    this.#clock = options.clock ?? systemClock
    this.#maxEntries = options.maxEntries ?? Number.POSITIVE_INFINITY
    this.#maxBytes = options.maxBytes ?? Number.POSITIVE_INFINITY
    this.bounded = this.#maxEntries !== Infinity || this.#maxBytes !== Infinity
  }

  get size(): number {
    return this.#entries.size
  }

  get usedBytes(): number {
    return this.#bytes
  }

  get limitBytes(): number {
    return this.#maxBytes
  }

  /** The kept bytes themselves: whoever hands them out copies them first. */
  read(key: string): Uint8Array | undefined {
    const kept = this.#live(key)
    if (kept === undefined) {
      this.misses++
      return undefined
    }
    this.hits++
    this.#entries.delete(key)
    this.#entries.set(key, kept)
    return kept.bytes
  }

  /** Keeps a copy of `bytes`. */
  write(key: string, bytes: Uint8Array, ttlMs: number): void {
    this.remove(key)
    this.#sweepSome()
    if (ttlMs <= 0) return
    const kept = { bytes: new Uint8Array(bytes), expiresAt: this.#clock.monotonic() + ttlMs }
    this.#entries.set(key, kept)
    this.#bytes += weight(key, kept)
    while (this.#entries.size > this.#maxEntries || this.#bytes > this.#maxBytes) {
      const [oldest] = this.#entries.keys()
      if (oldest === undefined) break
      this.remove(oldest)
      this.evictions++
    }
  }

  /** Gives a live entry a new end, without copying it. */
  extend(key: string, ttlMs: number): boolean {
    const kept = this.#live(key)
    if (kept === undefined) return false
    if (ttlMs <= 0) {
      this.remove(key)
      return true
    }
    this.#entries.delete(key)
    this.#entries.set(key, { bytes: kept.bytes, expiresAt: this.#clock.monotonic() + ttlMs })
    return true
  }

  remove(key: string): void {
    const kept = this.#entries.get(key)
    if (kept === undefined) return
    this.#entries.delete(key)
    this.#bytes -= weight(key, kept)
  }

  /** A snapshot of the live keys. */
  keys(): string[] {
    const now = this.#clock.monotonic()
    return [...this.#entries].filter(([, kept]) => kept.expiresAt > now).map(([key]) => key)
  }

  #live(key: string): Kept | undefined {
    const kept = this.#entries.get(key)
    if (kept === undefined || kept.expiresAt > this.#clock.monotonic()) return kept
    this.remove(key)
    return undefined
  }

  #sweepSome(): void {
    const now = this.#clock.monotonic()
    for (let looked = 0; looked < sweptPerWrite; looked++) {
      this.#sweep ??= this.#entries.entries()
      const next = this.#sweep.next()
      if (next.done === true) {
        this.#sweep = undefined
        return
      }
      const [key, kept] = next.value
      if (kept.expiresAt <= now) this.remove(key)
    }
  }
}

/** Two bytes a character: what a string costs at most, without encoding it. */
const weight = (key: string, kept: Kept) => key.length * 2 + kept.bytes.byteLength
