import type { Clock } from '@holdfast/core'

const most = 10_000

/**
 * When a name was last written, as far as this process knows: by itself, or because another one said so. What is read
 * of it must not be from before.
 */
export class RecentWrites {
  readonly #clock: Clock
  readonly #writtenAt = new Map<string, number>()
  /** No read at all may be from before this. */
  #allAt = Number.NEGATIVE_INFINITY

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get size(): number {
    return this.#writtenAt.size
  }

  note(name: string): void {
    this.#writtenAt.delete(name)
    if (this.#writtenAt.size >= most) {
      this.noteAll()
      return
    }
    this.#writtenAt.set(name, this.#clock.monotonic())
  }

  noteAll(): void {
    this.#writtenAt.clear()
    this.#allAt = this.#clock.monotonic()
  }

  writtenAt(name: string): number {
    return this.#writtenAt.get(name) ?? this.#allAt
  }

  /** Replicas have everything from before `at`. */
  forget(at: number): void {
    for (const [name, writtenAt] of this.#writtenAt) {
      if (writtenAt >= at) return
      this.#writtenAt.delete(name)
    }
  }
}
