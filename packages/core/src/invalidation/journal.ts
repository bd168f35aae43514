import type { BusContent } from './bus-message.ts'

/** Where a key, tag or namespace stands that was invalidated, as the bus names it; or one that was only to be loaded. */
export type Told = Extract<BusContent, { readonly type: 'keys' | 'tags' | 'clear' | 'done' }>

/**
 * Invalidations that did not reach the store, by the store's keys: deletes, and versions of tags and namespaces.
 * While a key stands here, what the store holds under it is not believed; once the store answers again, all of it is
 * made up for before anything is believed. Bounded: what does not fit is covered by the version of the whole
 * namespace, which voids everything at once.
 *
 * A version is noted by its place and not by its stamp: whether the stamp that failed arrived nobody knows, and written
 * a second time it would bring back to life what was stored under it in between.
 */
export class Journal<Version extends { readonly key: string }> {
  readonly #maxKeys: number
  /** Each with the number of its note: what is noted again while it is made up for stays. */
  readonly #deletes = new Map<string, { readonly told: Told; readonly note: number }>()
  readonly #versions = new Map<
    string,
    { readonly version: Version; readonly told: Told | undefined; readonly note: number }
  >()
  #overflow: number | undefined
  #notes = 0

  constructor(maxKeys: number) {
    this.#maxKeys = maxKeys
  }

  /** Whether what the store says of this key is out of date. */
  holds(key: string): boolean {
    if (this.isEmpty) return false
    return this.overflowed || this.#deletes.has(key) || this.#versions.has(key)
  }

  get size(): number {
    return this.#deletes.size + this.#versions.size
  }

  get overflowed(): boolean {
    return this.#overflow !== undefined
  }

  get isEmpty(): boolean {
    return this.size === 0 && !this.overflowed
  }

  noteDelete(key: string, told: Told): void {
    const note = ++this.#notes
    const before = this.#deletes.get(key)
    // An invalidation is still to be told of, whatever becomes of a load of the same key.
    const what = told.type === 'done' && before !== undefined ? before.told : told
    if (this.size < this.#maxKeys || before !== undefined)
      this.#deletes.set(key, { told: what, note })
    else this.#overflowWith(note)
  }

  noteVersion(version: Version, told?: Told): void {
    const note = ++this.#notes
    const { key } = version
    if (this.size < this.#maxKeys || this.#versions.has(key))
      this.#versions.set(key, { version, told, note })
    else this.#overflowWith(note)
  }

  /** All that the namespace holds may be out of date. */
  noteEverything(): void {
    this.#overflowWith(++this.#notes)
  }

  #overflowWith(note: number): void {
    this.#overflow = note
    this.#deletes.clear()
  }

  /** A later invalidation of the same key has reached the store. */
  forgetVersion(key: string): void {
    this.#versions.delete(key)
  }

  forgetDelete(key: string): void {
    this.#deletes.delete(key)
  }

  /** What has to be made up for now; `done` takes it off, but for keys that were `refused` and whatever came meanwhile. */
  take(): {
    readonly deletes: readonly string[]
    readonly versions: readonly Version[]
    readonly overflowed: boolean
    /** Others may have read what the store still had since they were told of it, and have to be told again. */
    readonly told: readonly Told[]
    done(refused: ReadonlySet<string>, bumped: boolean): void
  } {
    const deletes = [...this.#deletes]
    const versions = [...this.#versions.values()]
    const overflow = this.#overflow
    return {
      deletes: deletes.map(([key]) => key),
      versions: versions.map(({ version }) => version),
      overflowed: overflow !== undefined,
      told: [...deletes.map(([, { told }]) => told), ...versions.flatMap(({ told }) => told ?? [])],
      done: (refused, bumped) => {
        for (const [key, { note }] of deletes) {
          if (this.#deletes.get(key)?.note === note && !refused.has(key)) this.#deletes.delete(key)
        }
        for (const { version, note } of versions) {
          const { key } = version
          if (this.#versions.get(key)?.note === note && !refused.has(key))
            this.#versions.delete(key)
        }
        if (bumped && this.#overflow === overflow) this.#overflow = undefined
      },
    }
  }
}
