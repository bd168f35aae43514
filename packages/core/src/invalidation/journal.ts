/** A version that could not be written. */
export interface PendingVersion {
  readonly key: string
  readonly bytes: Uint8Array
  readonly ttlMs: number
}

/**
 * Invalidations that did not reach the store, by the store's keys: deletes, and versions of tags and namespaces.
 * While a key stands here, what the store holds under it is not believed; once the store answers again, all of it is
 * made up for before anything is believed. Bounded: what does not fit is covered by the version of the whole
 * namespace, which voids everything at once.
 */
export class Journal {
  readonly #maxKeys: number
  readonly #deletes = new Set<string>()
  readonly #versions = new Map<string, PendingVersion>()
  #overflowed = false

  constructor(maxKeys: number) {
    this.#maxKeys = maxKeys
  }

  /** Whether what the store says of this key is out of date. */
  holds(key: string): boolean {
    return this.#overflowed || this.#deletes.has(key) || this.#versions.has(key)
  }

  get size(): number {
    return this.#deletes.size + this.#versions.size
  }

  get overflowed(): boolean {
    return this.#overflowed
  }

  noteDelete(key: string): void {
    if (this.size < this.#maxKeys || this.#deletes.has(key)) this.#deletes.add(key)
    else this.#overflow()
  }

  noteVersion(version: PendingVersion): void {
    if (this.size < this.#maxKeys || this.#versions.has(version.key))
      this.#versions.set(version.key, version)
    else this.#overflow()
  }

  #overflow(): void {
    this.#overflowed = true
    this.#deletes.clear()
  }

  /** A later invalidation of the same key has reached the store. */
  forgetVersion(key: string): void {
    this.#versions.delete(key)
  }

  forgetDelete(key: string): void {
    this.#deletes.delete(key)
  }

  /** What has to be made up for now; `done` takes it off, and nothing that came meanwhile. */
  take(): {
    readonly deletes: readonly string[]
    readonly versions: readonly PendingVersion[]
    readonly overflowed: boolean
    done(): void
  } {
    const deletes = [...this.#deletes]
    const versions = [...this.#versions.values()]
    const overflowed = this.#overflowed
    return {
      deletes,
      versions,
      overflowed,
      done: () => {
        for (const key of deletes) this.#deletes.delete(key)
        for (const version of versions) {
          if (this.#versions.get(version.key) === version) this.#versions.delete(version.key)
        }
        if (overflowed) this.#overflowed = false
      },
    }
  }
}
