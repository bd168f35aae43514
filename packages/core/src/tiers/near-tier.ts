import { LRUCache } from 'lru-cache'
import type { Entry } from '../entry/entry.ts'
import { releaseMarks } from '../invalidation/scope.ts'
import type { MemorySettings } from '../options/cache-settings.ts'

/**
 * This process's memory: live entries under their near keys (a scope's prefix and the key), bounded by count and
 * by estimated bytes. Time is not its business: an entry's life is judged by whoever reads it, on the cache's clock.
 */
export class NearTier {
  readonly #entries: LRUCache<string, Entry>
  readonly #touch: boolean
  readonly #maxBytes: number
  /** lru-cache writes `status` into its options and makes an object where none is given: one object serves all reads. */
  readonly #options = {}
  /** The same for writes, which say a size. */
  readonly #sized = { size: 0 }
  /** Entries here that carry marks, or more. While there are none, an entry that goes is not looked at: it went because nobody had, for so long that it is in no cache of the processor. */
  #marked = 0

  /** `onEvict` hears of an entry that left because of a bound. */
  constructor(settings: MemorySettings, onEvict: (key: string, entry: Entry) => void) {
    this.#touch = settings.eviction === 'lru'
    this.#maxBytes = Math.min(settings.maxBytes, Number.MAX_SAFE_INTEGER)
    this.#entries = new LRUCache<string, Entry>({
      max: settings.maxEntries === Number.POSITIVE_INFINITY ? 0 : settings.maxEntries,
      maxSize: this.#maxBytes,
      dispose: (entry, key, reason) => {
        if (this.#marked > 0 && entry.marks !== undefined) {
          this.#marked--
          releaseMarks(entry.marks)
        }
        if (reason === 'evict') onEvict(key, entry)
      },
    })
  }

  get(key: string): Entry | undefined {
    return this.#touch
      ? this.#entries.get(key, this.#options)
      : this.#entries.peek(key, this.#options)
  }

  /** Without making the entry the most recently used one. */
  peek(key: string): Entry | undefined {
    return this.#entries.peek(key, this.#options)
  }

  /** False if the entry alone is larger than the whole tier: then nothing is kept under the key. */
  set(key: string, entry: Entry): boolean {
    // lru-cache drops a value that does not fit without calling dispose for it.
    if (entry.bytes > this.#maxBytes) {
      this.#entries.delete(key)
      releaseMarks(entry.marks)
      return false
    }
    if (entry.marks !== undefined) this.#marked++
    this.#sized.size = entry.bytes
    this.#entries.set(key, entry, this.#sized)
    return true
  }

  delete(key: string): boolean {
    return this.#entries.delete(key)
  }

  clear(): void {
    this.#entries.clear()
  }

  get entries(): number {
    return this.#entries.size
  }

  get bytes(): number {
    return this.#entries.calculatedSize
  }
}
