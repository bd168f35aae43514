import { isStoredAfter } from '../stored.ts'
import type { Kept } from './picture.ts'

interface Ended {
  readonly at: number
  /** Asked once, when its callers have been answered, and let go: it holds on to the whole load. */
  context: object | undefined
  isStored: boolean
}

/** Loads that ended in this process, counted; and which of them brought what. */
export class EndedLoads {
  #count = 0
  readonly #endedWith = new WeakMap<Kept, Ended>()

  get count(): number {
    return this.#count
  }

  note(kept: Kept, context: object): void {
    this.#endedWith.set(kept, { at: ++this.#count, context, isStored: false })
  }

  /** Whether it was brought by a load here that ended after so many others. */
  isAfter(kept: Kept, count: number): boolean {
    return (this.#endedWith.get(kept)?.at ?? 0) > count
  }

  /** Whether what a load here brought lies in the store. To be asked once its callers have been answered. */
  isStored(kept: Kept): boolean {
    const ended = this.#endedWith.get(kept)
    if (ended?.context === undefined) return ended?.isStored ?? false
    ended.isStored = isStoredAfter(ended.context)
    ended.context = undefined
    return ended.isStored
  }
}
