/** Marks by name, the most recent ones: what is remembered of origins must not grow with the URLs seen. */
export class BoundedMarks<Mark> {
  readonly #limit: number
  readonly #marks = new Map<string, Mark>()

  constructor(limit: number) {
    this.#limit = limit
  }

  get size(): number {
    return this.#marks.size
  }

  get(name: string): Mark | undefined {
    return this.#marks.get(name)
  }

  set(name: string, mark: Mark): void {
    this.#marks.delete(name)
    this.#marks.set(name, mark)
    if (this.#marks.size <= this.#limit) return
    for (const oldest of this.#marks.keys()) {
      this.#marks.delete(oldest)
      return
    }
  }

  delete(name: string): void {
    this.#marks.delete(name)
  }
}
