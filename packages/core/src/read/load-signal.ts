/** The abort signal of a load, made when a loader takes it: most take none, and a miss should not pay for it. */
export class LoadSignal {
  #controller: AbortController | undefined
  #isAborted = false
  #reason: unknown

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController()
      if (this.#isAborted) this.#controller.abort(this.#reason)
    }
    return this.#controller.signal
  }

  /** Also for a loader that takes the signal later. */
  abort(reason: unknown): void {
    this.#isAborted = true
    this.#reason = reason
    this.#controller?.abort(reason)
  }
}
