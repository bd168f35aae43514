import { mostAtOnce } from './groups.ts'

/**
 * So many keys are claimed, or stored, at once over all loads of a process. Of thousands of loads that begin or end at
 * the same time all would else be sent at once, and queue behind each other for longer than a store may take.
 */
export class Turns {
  #free = mostAtOnce
  #waiting: (() => void)[] = []
  #next = 0

  /** `undefined` where a turn is free, so that it costs nothing. Each that was taken is given back. */
  take(): Promise<void> | undefined {
    if (this.#free > 0) {
      this.#free--
      return undefined
    }
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  give(): void {
    const next = this.#waiting[this.#next++]
    if (next !== undefined) {
      next()
      return
    }
    this.#free++
    this.#waiting = []
    this.#next = 0
  }
}
