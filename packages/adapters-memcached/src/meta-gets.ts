import type { ClosedError, StoreError } from '@holdfast/core'
import { ProtocolFault } from './connection-errors.ts'
import { Operation } from './connection-queue.ts'
import type { GetAnswers } from './get-batcher.ts'
import {
  checkOpaque,
  MetaItem,
  nextOpaque,
  type Refuse,
  unexpectedReply,
} from './meta-operations.ts'
import type { MetaReply } from './meta-parser.ts'

/**
 * Gets of several keys: one write, one operation, each answered as it comes. What has come by the deadline has been
 * given out, so a large value among them costs those behind it their answer, and not those before it.
 *
 * The first key is asked for by `mg`, whose reply repeats a number: replies that have gone astray show before any value
 * is taken. The others are one `gets`, whose values name their keys: of many `mg` at once the server answers twenty
 * with each packet, of one `gets` all with one.
 */
export class MetaGets extends Operation<MetaReply> {
  readonly name: string
  readonly requestBytes: number
  readonly #keys: readonly string[]
  readonly #refuse: Refuse
  readonly #answers: GetAnswers
  readonly #opaque = nextOpaque()
  /** The first key whose answer is not known. */
  #next = 0

  constructor(name: string, keys: readonly string[], refuse: Refuse, answers: GetAnswers) {
    super()
    this.name = name
    this.#keys = keys
    this.#refuse = refuse
    this.#answers = answers
    let bytes = 32
    for (const key of keys) bytes += key.length + 1
    this.requestBytes = bytes
  }

  encode(): Uint8Array {
    const keys = this.#keys
    let lines = `mg ${keys[0]} v f c O${this.#opaque}\r\n`
    if (keys.length > 1) {
      lines += 'gets'
      for (let index = 1; index < keys.length; index++) lines += ` ${keys[index]}`
      lines += '\r\n'
    }
    return Buffer.from(lines, 'latin1')
  }

  take(reply: MetaReply): boolean {
    if (this.#next === 0) return this.#takeFirst(reply)
    const { length } = this.#keys
    if (reply.kind === 'VALUE' || reply.kind === 'begun') {
      const index = this.#indexOf(reply)
      this.#missUntil(index)
      if (reply.kind === 'begun') return false
      this.#next++
      if (!this.isOver) this.#answers.found(index, new MetaItem(reply))
      return false
    }
    if (reply.kind === 'line' && reply.text === 'END') {
      this.#missUntil(length)
      return true
    }
    // Where this throws, the keys still wait, and fail with the connection.
    const refusal = unexpectedReply(reply, this.name, this.#refuse)
    const from = this.#next
    this.#next = length
    if (!this.isOver) this.#answers.fail(from, length, refusal)
    return true
  }

  #takeFirst(reply: MetaReply): boolean {
    checkOpaque(reply, this.#opaque)
    const isKnown = reply.kind === 'VA' || reply.kind === 'EN'
    const refusal = isKnown ? undefined : unexpectedReply(reply, this.name, this.#refuse)
    this.#next = 1
    if (!this.isOver) {
      if (refusal !== undefined) this.#answers.fail(0, 1, refusal)
      else this.#answers.found(0, reply.kind === 'VA' ? new MetaItem(reply) : undefined)
    }
    return this.#keys.length === 1
  }

  /** Values come in the order of the keys, and what is not there is left out. */
  #missUntil(index: number): void {
    while (this.#next < index) {
      const missing = this.#next++
      if (!this.isOver) this.#answers.found(missing, undefined)
    }
  }

  #indexOf(reply: MetaReply): number {
    for (let index = this.#next; index < this.#keys.length; index++)
      if (isKey(reply, this.#keys[index]!)) return index
    throw new ProtocolFault('a value is of a key that was not asked for, or not at this place')
  }

  fail(error: StoreError | ClosedError): void {
    this.#answers.fail(this.#next, this.#keys.length, error)
  }
}

/** Whether a value is of this key, each character of which stands for one byte. */
function isKey({ line, keyFrom, keyEnd }: MetaReply, key: string): boolean {
  const { length } = key
  if (keyEnd - keyFrom !== length) return false
  // From the end, where keys of one kind differ.
  for (let at = length - 1; at >= 0; at--)
    if (line[keyFrom + at] !== key.charCodeAt(at)) return false
  return true
}
