/** One of the things that take turns behind a handle, and the calls that are under way in it. */
export class Turn<T> {
  readonly value: T
  #calls = 0
  #whenIdle: (() => void) | undefined

  constructor(value: T) {
    this.value = value
  }

  begin(): void {
    this.#calls++
  }

  readonly end = (): void => {
    this.#calls--
    if (this.#calls === 0) this.#whenIdle?.()
  }

  /** Resolves once no call is under way. For turns that are over. */
  idle(): Promise<void> {
    if (this.#calls === 0) return Promise.resolve()
    return new Promise((resolve) => {
      this.#whenIdle = resolve
    })
  }
}

/** A handle's inside: whose turn it is, and who wants to know when that changes. */
export class Turns<T> {
  #now: Turn<T>
  readonly #listeners = new Set<(value: T) => void>()

  constructor(value: T) {
    this.#now = new Turn(value)
  }

  get value(): T {
    return this.#now.value
  }

  /** Runs a call to its end in the turn in which it began. */
  run<R>(call: (value: T) => Promise<R>): Promise<R> {
    const turn = this.#now
    turn.begin()
    let running: Promise<R>
    try {
      running = call(turn.value)
    } catch (error) {
      turn.end()
      throw error
    }
    // Beside the caller's own handling, which sees a rejection as ever.
    running.then(turn.end, turn.end)
    return running
  }

  /** As `run`, for what ends by a call of the answer. */
  hold(): { readonly value: T; readonly end: () => void } {
    const turn = this.#now
    turn.begin()
    let isHeld = true
    return {
      value: turn.value,
      end() {
        if (!isHeld) return
        isHeld = false
        turn.end()
      },
    }
  }

  /** Resolves once no call is under way, for a handle that has no next turn. */
  idle(): Promise<void> {
    return this.#now.idle()
  }

  /** The next one's turn; the answer is the one before. */
  pass(value: T): Turn<T> {
    const before = this.#now
    this.#now = new Turn(value)
    for (const listener of this.#listeners) listener(value)
    return before
  }

  /** Called with each next value, until the answer is called. */
  onPass(listener: (value: T) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  /**
   * A subscription that outlives turns: `on` is asked for each value. That of the turn before is kept until the next
   * one, since its calls may still be under way.
   */
  subscribe(on: (value: T) => () => void): () => void {
    let before: (() => void) | undefined
    let now = on(this.value)
    const leave = this.onPass((value) => {
      before?.()
      before = now
      now = on(value)
    })
    return () => {
      leave()
      before?.()
      now()
    }
  }
}
