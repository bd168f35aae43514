/** One file that is being read. */
interface Reading<T> {
  readonly ended: Promise<unknown>
  /** The read that follows it, for all who asked since it began. */
  next: Promise<T> | undefined
}

/**
 * Reads of which one goes on at a time for each name. Who asks meanwhile waits for its end and shares the next one: that
 * began after all of them asked, so none of them misses what was written before.
 */
export class JoinedReads<T> {
  readonly #readings = new Map<string, Reading<T>>()

  read(name: string, start: () => Promise<T>): Promise<T> {
    const reading = this.#readings.get(name)
    if (reading === undefined) return this.#start(name, start)
    reading.next ??= reading.ended.then(() => this.#start(name, start))
    return reading.next
  }

  #start(name: string, start: () => Promise<T>): Promise<T> {
    const answer = start()
    const ended = answer.then(
      () => undefined,
      () => undefined,
    )
    const reading: Reading<T> = { ended, next: undefined }
    this.#readings.set(name, reading)
    // Where somebody waits for the next one, that takes its place.
    void ended.then(() => reading.next === undefined && this.#readings.delete(name))
    return answer
  }
}
