import type { Flight } from './flight.ts'

/**
 * The flights that may be joined, by near key. One that is alone needs no table: V8 makes that of a Map anew when
 * many have come and gone, and with loads one after the other that would be at every few misses.
 */
export class Flights {
  #alone: Flight | undefined
  /** All others. No key stands in both places. */
  readonly #byNearKey = new Map<string, Flight>()

  get(nearKey: string): Flight | undefined {
    if (this.#alone?.nearKey === nearKey) return this.#alone
    return this.#byNearKey.size === 0 ? undefined : this.#byNearKey.get(nearKey)
  }

  set(nearKey: string, flight: Flight): void {
    const isAlone = this.#alone === undefined && this.#byNearKey.size === 0
    if (isAlone || this.#alone?.nearKey === nearKey) this.#alone = flight
    else this.#byNearKey.set(nearKey, flight)
  }

  delete(nearKey: string): void {
    if (this.#alone?.nearKey === nearKey) this.#alone = undefined
    else this.#byNearKey.delete(nearKey)
  }

  clear(): void {
    this.#alone = undefined
    this.#byNearKey.clear()
  }

  get size(): number {
    return this.#byNearKey.size + (this.#alone === undefined ? 0 : 1)
  }
}
