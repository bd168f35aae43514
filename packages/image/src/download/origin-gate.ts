import { ImageError } from '../image-error.ts'

/** So many may wait for each place. More would only be told later that there was no time. */
const waitingPerPlace = 16

/** How many requests one origin gets at a time, and how many may wait for their turn, in the order they came. */
export class OriginGate {
  #active = 0
  readonly #waiting: (() => void)[] = []

  get isIdle(): boolean {
    return this.#active === 0
  }

  /**
   * Runs `work` when there is a place for it; `signal` ends the wait.
   * @throws ImageError `busy` at once where too many wait
   */
  async enter<T>(places: number, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    if (this.#active >= places) await this.#queue(places, signal)
    else this.#active++
    try {
      return await work()
    } finally {
      this.#leave()
    }
  }

  #queue(places: number, signal: AbortSignal): Promise<void> {
    if (this.#waiting.length >= places * waitingPerPlace) {
      const message = `${this.#waiting.length} downloads wait for this origin already; see origins[].concurrency`
      throw new ImageError('busy', message)
    }
    return new Promise((resolve, reject) => {
      const enter = () => {
        signal.removeEventListener('abort', leave)
        resolve()
      }
      const leave = () => {
        const place = this.#waiting.indexOf(enter)
        if (place !== -1) this.#waiting.splice(place, 1)
        reject(signal.reason as Error)
      }
      if (signal.aborted) return reject(signal.reason as Error)
      signal.addEventListener('abort', leave, { once: true })
      this.#waiting.push(enter)
    })
  }

  /** The place goes to who waits longest, without becoming free in between. */
  #leave(): void {
    const next = this.#waiting.shift()
    if (next === undefined) this.#active--
    else next()
  }
}
