import type { Load } from './load.ts'

/** Every load that is not done yet. Each knows its seat, so that to come and to go costs a miss next to nothing. */
export class Loading {
  readonly #loads: Load[] = []

  add(load: Load): void {
    load.seat = this.#loads.push(load) - 1
  }

  /** The last one takes the seat that becomes free. */
  delete(load: Load): void {
    if (this.#loads[load.seat] !== load) return
    const last = this.#loads.pop() as Load
    if (last === load) return
    this.#loads[load.seat] = last
    last.seat = load.seat
  }

  get size(): number {
    return this.#loads.length
  }

  [Symbol.iterator](): Iterator<Load> {
    return this.#loads.values()
  }
}
