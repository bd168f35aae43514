/**
 * Keys whose deletion a server has missed: what it holds under them is not believed, and deleted before anything else
 * of it is. Bounded; what does not fit has to be refused, so that nothing is promised that would be forgotten.
 */
export class MissedDeletes {
  readonly #most: number
  /** Each with the number of its note: one that is noted again while it is made up for stays. */
  readonly #keys = new Map<string, number>()
  #notes = 0

  constructor(most: number) {
    this.#most = most
  }

  get size(): number {
    return this.#keys.size
  }

  has(key: string): boolean {
    return this.#keys.has(key)
  }

  hasRoomFor(key: string): boolean {
    return this.#keys.size < this.#most || this.#keys.has(key)
  }

  /** False if there is no room. */
  note(key: string): boolean {
    if (!this.hasRoomFor(key)) return false
    this.#keys.set(key, ++this.#notes)
    return true
  }

  /** The key has been written anew, or deleted, since. */
  forget(key: string): void {
    this.#keys.delete(key)
  }

  /** Up to `count` of them; `done` takes off those that were not noted again meanwhile. */
  take(count: number): { readonly keys: readonly string[]; done(): void } {
    const taken: [string, number][] = []
    for (const entry of this.#keys) {
      if (taken.length === count) break
      taken.push(entry)
    }
    return {
      keys: taken.map(([key]) => key),
      done: () => {
        for (const [key, note] of taken) {
          if (this.#keys.get(key) === note) this.#keys.delete(key)
        }
      },
    }
  }
}
