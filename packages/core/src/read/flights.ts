import type { Flight } from './flight.ts'

/**
 * The flights that may be joined, by near key. Under '', which is no key, nothing stays for ever: V8 gives a Map that
 * becomes empty a new and smaller table, and with loads one after the other that would be at each miss.
 */
export class Flights {
  readonly #byNearKey = new Map<string, Flight | undefined>([['', undefined]])

  get(nearKey: string): Flight | undefined {
    return this.#byNearKey.get(nearKey)
  }

  set(nearKey: string, flight: Flight): void {
    this.#byNearKey.set(nearKey, flight)
  }

  delete(nearKey: string): void {
    this.#byNearKey.delete(nearKey)
  }

  clear(): void {
    this.#byNearKey.clear()
    this.#byNearKey.set('', undefined)
  }

  get size(): number {
    return this.#byNearKey.size - 1
  }
}
