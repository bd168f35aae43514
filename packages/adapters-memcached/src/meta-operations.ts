import type { ClosedError, StoreError } from '@holdfast/core'
import { type Fault, ProtocolFault } from './connection-errors.ts'
import { Operation } from './connection-queue.ts'
import type { Item } from './driver.ts'
import { refusalOf } from './meta-errors.ts'
import type { MetaReply } from './meta-parser.ts'

export type Failure = StoreError | ClosedError

/** Turns what a server says no with into an error of this operation. */
export type Refuse = (operation: string, fault: Fault) => StoreError

/** Opaque numbers name the command that a reply is for. No process lives until they are no longer exact. */
let lastOpaque = 0
export const nextOpaque = () => ++lastOpaque

/** A reply to another command would be another key's value. Some servers do not repeat the number when they refuse. */
export function checkOpaque(reply: MetaReply, opaque: number): void {
  if (reply.opaque === opaque) return
  if (reply.opaque === -1 && (reply.kind === 'EN' || reply.kind === 'line')) return
  throw new ProtocolFault('a reply is for another command than the one it was due to')
}

/** Any operation here: one way to end it, and what it needs to say no. */
export abstract class MetaOperation<Result> extends Operation<MetaReply> {
  readonly name: string
  readonly #refuse: Refuse
  readonly resolve: (result: Result) => void
  readonly fail: (error: Failure) => void

  constructor(
    name: string,
    refuse: Refuse,
    resolve: (result: Result) => void,
    reject: (error: Failure) => void,
  ) {
    super()
    this.name = name
    this.#refuse = refuse
    this.resolve = resolve
    this.fail = reject
  }

  protected refused(text: string): StoreError {
    return this.#refuse(this.name, refusalOf(text))
  }

  /** @throws {ProtocolFault} for a reply that this command has none of. */
  protected unexpected(reply: MetaReply): StoreError {
    return unexpectedReply(reply, this.name, this.#refuse)
  }
}

/**
 * What a server says instead of a reply.
 * @throws {ProtocolFault} for a reply that this command has none of.
 */
export function unexpectedReply(reply: MetaReply, operation: string, refuse: Refuse): StoreError {
  if (reply.kind !== 'line') throw new ProtocolFault('a reply is none to the command it is for')
  return refuse(operation, refusalOf(reply.text))
}

/** What a `VA` brought. Most readers never ask for its cas, and a bigint is made for those that do. */
export class MetaItem implements Item {
  readonly bytes: Uint8Array
  readonly flags: number
  readonly #cas: number | bigint

  constructor({ bytes, flags, cas }: MetaReply) {
    this.bytes = bytes
    this.flags = flags
    this.#cas = cas
  }

  get cas(): bigint {
    return BigInt(this.#cas)
  }
}

/** A command of one line whose reply says whether there was something: `md`, or `mg` with a new lifetime. */
export class MetaFlagged extends MetaOperation<boolean> {
  readonly requestBytes: number
  readonly #line: string
  readonly #opaque = nextOpaque()

  constructor(
    name: string,
    line: string,
    refuse: Refuse,
    resolve: (found: boolean) => void,
    reject: (error: Failure) => void,
  ) {
    super(name, refuse, resolve, reject)
    this.#line = line
    this.requestBytes = line.length + 16
  }

  encode(): Uint8Array {
    return Buffer.from(`${this.#line} O${this.#opaque}\r\n`, 'latin1')
  }

  take(reply: MetaReply): boolean {
    checkOpaque(reply, this.#opaque)
    if (this.isOver) return true
    if (reply.kind === 'HD') this.resolve(true)
    else if (reply.kind === 'NF' || reply.kind === 'EN') this.resolve(false)
    else this.fail(this.unexpected(reply))
    return true
  }
}

/** A command whose reply is lines of text, up to one that `isLast` knows. */
export class TextLines extends MetaOperation<string[]> {
  readonly requestBytes: number
  readonly #request: string
  readonly #isLast: (line: string) => boolean
  readonly #lines: string[] = []

  constructor(
    name: string,
    request: string,
    isLast: (line: string) => boolean,
    refuse: Refuse,
    resolve: (lines: string[]) => void,
    reject: (error: Failure) => void,
  ) {
    super(name, refuse, resolve, reject)
    this.#request = request
    this.#isLast = isLast
    this.requestBytes = request.length
  }

  encode(): Uint8Array {
    return Buffer.from(`${this.#request}\r\n`)
  }

  take(reply: MetaReply): boolean {
    if (reply.kind !== 'line') throw new ProtocolFault('a reply is none to the command it is for')
    const line = reply.text
    this.#lines.push(line)
    if (this.#isLast(line)) {
      if (!this.isOver) this.resolve(this.#lines)
      return true
    }
    if (!/^(?:SERVER_|CLIENT_)?ERROR/.test(line)) return false
    const refusal = this.refused(line)
    if (!this.isOver) this.fail(refusal)
    return true
  }
}
