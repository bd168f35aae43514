import type { ClosedError, StoreError } from '@holdfast/core'
import { Operation } from './connection-queue.ts'
import type { Item } from './driver.ts'
import {
  checkOpaque,
  MetaItem,
  type Refuse,
  takeOpaques,
  unexpectedReply,
} from './meta-operations.ts'
import type { MetaReply } from './meta-parser.ts'

/** Where the answers to several gets go: each once, as it comes, in the order of the keys. */
export interface GetAnswers {
  found(index: number, item: Item | undefined): void
  /** For all from `from` on and before `until`. */
  fail(from: number, until: number, error: StoreError | ClosedError): void
}

/**
 * Gets of several keys: one write, one operation, a reply for each. What has come by the deadline has been given out,
 * so a large value among them costs those behind it their answer, and not those before it.
 */
export class MetaGets extends Operation<MetaReply> {
  readonly name: string
  readonly requestBytes: number
  readonly #keys: readonly string[]
  readonly #refuse: Refuse
  readonly #answers: GetAnswers
  readonly #firstOpaque: number
  /** The key whose reply comes next. */
  #next = 0

  constructor(name: string, keys: readonly string[], refuse: Refuse, answers: GetAnswers) {
    super()
    this.name = name
    this.#keys = keys
    this.#refuse = refuse
    this.#answers = answers
    let bytes = 0
    for (const key of keys) bytes += key.length + 24
    this.requestBytes = bytes
    this.#firstOpaque = takeOpaques(keys.length)
  }

  encode(): Uint8Array {
    let opaque = this.#firstOpaque
    let lines = ''
    for (const key of this.#keys) lines += `mg ${key} v f c O${opaque++}\r\n`
    return Buffer.from(lines, 'latin1')
  }

  take(reply: MetaReply): boolean {
    const index = this.#next
    checkOpaque(reply, this.#firstOpaque + index)
    const isKnown = reply.kind === 'VA' || reply.kind === 'EN'
    // Where this throws, the key still waits, and fails with the connection.
    const refusal = isKnown ? undefined : unexpectedReply(reply, this.name, this.#refuse)
    this.#next++
    if (!this.isOver) {
      if (refusal !== undefined) this.#answers.fail(index, index + 1, refusal)
      else this.#answers.found(index, reply.kind === 'VA' ? new MetaItem(reply) : undefined)
    }
    return this.#next === this.#keys.length
  }

  fail(error: StoreError | ClosedError): void {
    this.#answers.fail(this.#next, this.#keys.length, error)
  }
}
