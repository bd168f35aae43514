import type { ClosedError, StoreError } from '@holdfast/core'

/** A command on its way: what it sends, and what becomes of the replies. `Reply` is what the protocol's parser makes. */
export abstract class Operation<Reply> {
  /** For messages: `'get'`. */
  abstract readonly name: string
  /** How much it counts against the cap of pending bytes. */
  abstract readonly requestBytes: number
  /** On the monotonic clock; set by the connection. */
  dueAt = 0
  /** Settled without its reply, which may still come and is then passed over. */
  isOver = false
  /** The request as it goes over the wire, asked for once, when it is written. */
  abstract encode(): Uint8Array
  /**
   * Takes a reply; true when it was the last one.
   * @throws {ProtocolFault} where the reply cannot be its own: the connection is given up then.
   */
  abstract take(reply: Reply): boolean
  /** Nothing more will come. */
  abstract fail(error: StoreError | ClosedError): void
}

/** What has left the front of the queue is cut off its array when this much of it has gathered. */
const compactAt = 1024

/**
 * The operations of one server in the order in which they came, which is the order in which they are written, answered
 * and fall due. Three marks move along it: answered up to, fallen due up to, written up to.
 */
export class ConnectionQueue<Reply> {
  #operations: (Operation<Reply> | undefined)[] = []
  #head = 0
  #due = 0
  #sent = 0
  #bytes = 0

  /** All that is kept: unanswered, or waiting to be written. */
  get size(): number {
    return this.#operations.length - this.#head
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Written and not answered, those that ran out of time included. */
  get unanswered(): number {
    return this.#sent - this.#head
  }

  push(operation: Operation<Reply>): void {
    this.#operations.push(operation)
    this.#bytes += operation.requestBytes
  }

  /** The one whose reply comes next. */
  get first(): Operation<Reply> | undefined {
    return this.#head < this.#sent ? this.#operations[this.#head] : undefined
  }

  /** The first has been answered. */
  shift(): void {
    const operation = this.#operations[this.#head]!
    this.#operations[this.#head++] = undefined
    this.#bytes -= operation.requestBytes
    if (this.#due < this.#head) this.#due = this.#head
    if (this.#head === this.#operations.length) this.#cut()
    else if (this.#head >= compactAt && this.#head * 2 > this.#operations.length) this.#cut()
  }

  /** The next to be written, which counts as written from then on. */
  nextUnsent(): Operation<Reply> | undefined {
    return this.#sent < this.#operations.length ? this.#operations[this.#sent++] : undefined
  }

  /** The next to fall due. */
  get nextDue(): Operation<Reply> | undefined {
    return this.#operations[this.#due]
  }

  /** The next to fall due has; answers whether it had been written. One that had not leaves the queue. */
  expireNext(): boolean {
    const operation = this.#operations[this.#due]!
    operation.isOver = true
    if (this.#due < this.#sent) {
      this.#due++
      return true
    }
    this.#operations.splice(this.#due, 1)
    this.#bytes -= operation.requestBytes
    return false
  }

  /** Empties the queue and answers those that still wait. */
  takeAll(): Operation<Reply>[] {
    const all = this.#operations.slice(this.#head) as Operation<Reply>[]
    this.#operations = []
    this.#head = 0
    this.#due = 0
    this.#sent = 0
    this.#bytes = 0
    return all.filter((operation) => !operation.isOver)
  }

  #cut(): void {
    this.#operations.splice(0, this.#head)
    this.#due -= this.#head
    this.#sent -= this.#head
    this.#head = 0
  }
}
