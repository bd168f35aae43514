import { type Clock, systemClock } from '../clock.ts'
import type { MemoryBusHub } from './memory-bus.ts'
import type { StoreMetrics } from './store.ts'

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
  /** Entries may go before their time. */
  readonly bounded: boolean
  readonly #clock: Clock
  readonly #maxEntries: number
  readonly #maxBytes: number
  /** A Map keeps the order of insertion, and every use inserts again: its first entry is the one unused longest. */
  readonly #entries = new Map<string, Kept>()
  #sweep = this.#entries.entries()
  #usedBytes = 0
  #hits = 0
  #misses = 0
  #evictions = 0

  constructor(options: MemoryBackingOptions = {}) {
    const { clock = systemClock, maxEntries = Infinity, maxBytes = Infinity } = options
    this.#clock = clock
    this.#maxEntries = maxEntries
    this.#maxBytes = maxBytes
    this.bounded = Math.min(maxEntries, maxBytes) < Infinity
  }

  metrics(): StoreMetrics {
    return {
      hits: this.#hits,
      misses: this.#misses,
      evictions: this.#evictions,
      entries: this.#entries.size,
      usedBytes: this.#usedBytes,
      ...(this.#maxBytes < Infinity ? { limitBytes: this.#maxBytes } : {}),
    }
  }

  /** The kept bytes themselves: whoever hands them out copies them first. */
  read(key: string): Uint8Array | undefined {
    const kept = this.#live(key)
    if (kept === undefined) {
      this.#misses++
      return undefined
    }
    this.#hits++
    this.#keep(key, kept)
    return kept.bytes
  }

  /** Keeps a copy of `bytes`. */
  write(key: string, bytes: Uint8Array, ttlMs: number): void {
    this.remove(key)
    this.#sweepSome()
    if (ttlMs <= 0) return
    this.#keep(key, { bytes: new Uint8Array(bytes), expiresAt: this.#clock.monotonic() + ttlMs })
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= this.#maxEntries && this.#usedBytes <= this.#maxBytes) break
      this.remove(oldest)
      this.#evictions++
    }
  }

  /** Gives a live entry a new end, without copying it. */
  extend(key: string, ttlMs: number): boolean {
    const kept = this.#live(key)
    if (kept === undefined) return false
    if (ttlMs > 0) this.#keep(key, { ...kept, expiresAt: this.#clock.monotonic() + ttlMs })
    else this.remove(key)
    return true
  }

  remove(key: string): void {
    const kept = this.#entries.get(key)
    if (kept === undefined) return
    this.#entries.delete(key)
    this.#usedBytes -= weight(key, kept)
  }

  /** A snapshot of the live keys. */
  keys(): string[] {
    const now = this.#clock.monotonic()
    return [...this.#entries].filter(([, kept]) => kept.expiresAt > now).map(([key]) => key)
  }

  /** Puts an entry behind all others. */
  #keep(key: string, kept: Kept): void {
    this.remove(key)
    this.#entries.set(key, kept)
    this.#usedBytes += weight(key, kept)
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
      const { value } = this.#sweep.next()
      // At the end: the next write begins again.
      if (value === undefined) this.#sweep = this.#entries.entries()
      else if (value[1].expiresAt <= now) this.remove(value[0])
    }
  }
}

/** Two bytes a character: what a string costs at most, without encoding it. */
const weight = (key: string, kept: Kept) => key.length * 2 + kept.bytes.byteLength
