import { StoreError } from '../errors.ts'
import { Expiring } from '../resilience/deadlines.ts'

/** An operation under way. It ends once, whatever comes later. */
export class Call<T> extends Expiring {
  readonly operation: string
  readonly isProbe: boolean
  readonly sentAt: number
  readonly #resolve: (value: T) => void
  readonly #reject: (error: unknown) => void
  readonly #over: (call: Call<T>) => void
  onLate: () => void = () => {}
  isOver = false

  constructor(
    operation: string,
    isProbe: boolean,
    sentAt: number,
    resolve: (value: T) => void,
    reject: (error: unknown) => void,
    over: (call: Call<T>) => void,
  ) {
    super()
    this.operation = operation
    this.isProbe = isProbe
    this.sentAt = sentAt
    this.#resolve = resolve
    this.#reject = reject
    this.#over = over
  }

  expire(): void {
    if (!this.isOver) this.onLate()
  }

  answer(value: T): void {
    this.isOver = true
    this.#over(this)
    this.#resolve(value)
  }

  end(error: unknown): void {
    if (this.isOver) return
    this.isOver = true
    this.#over(this)
    this.#reject(error)
  }
}

/** An answer that refuses one key or one value says nothing about the server's health. */
export function speaksOfTheServer(error: unknown, fullIsFailure: boolean): boolean {
  if (!(error instanceof StoreError)) return true
  // One of several servers behind it: it is judged where it is known.
  if (error.partial) return false
  switch (error.kind) {
    case 'timeout':
    case 'unavailable':
    case 'protocol':
    case 'auth':
    case 'unknown':
      return true
    case 'full':
      return fullIsFailure
    default:
      return false
  }
}
