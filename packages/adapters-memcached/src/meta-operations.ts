import type { ClosedError, StoreError } from '@holdfast/core'
import { type Fault, fault, ProtocolFault } from './connection-errors.ts'
import { Operation } from './connection-queue.ts'
import type { CompareAndSetOutcome, Item } from './driver.ts'
import { otherProtocol } from './meta-errors.ts'
import type { MetaReply } from './meta-parser.ts'

type Failure = StoreError | ClosedError

/** Turns what a server says no with into an error of this operation. */
export type Refuse = (operation: string, fault: Fault) => StoreError

/** Opaque numbers name the command that a reply is for. No process lives until they are no longer exact. */
let lastOpaque = 0
const nextOpaque = () => ++lastOpaque

/** A reply to another command would be another key's value. Some servers do not repeat the number when they refuse. */
function checkOpaque(reply: MetaReply, opaque: number): void {
  if (reply.opaque === opaque) return
  if (reply.opaque === -1 && (reply.kind === 'EN' || reply.kind === 'line')) return
  throw new ProtocolFault('a reply is for another command than the one it was due to')
}

/** Any operation here: one way to end it, and what it needs to say no. */
abstract class MetaOperation<Result> extends Operation<MetaReply> {
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
    if (reply.kind !== 'line') throw new ProtocolFault('a reply is none to the command it is for')
    return this.refused(reply.text)
  }
}

/** The error lines of doc/protocol.txt, "Error strings", in core's words. */
function refusalOf(text: string): Fault {
  if (/^SERVER_ERROR .*too large/.test(text)) {
    return fault('too-large', 'the server takes no item of that size; see itemBytes and its -I')
  }
  if (/^SERVER_ERROR .*out of memory/.test(text))
    return fault('full', 'the server is out of memory')
  if (/^CLIENT_ERROR unauth/.test(text)) {
    return fault('auth', 'the server wants to know who asks; see username and password')
  }
  if (text === 'ERROR' || /^CLIENT_ERROR (bad|invalid)/.test(text)) throw otherProtocol()
  if (/^(SERVER|CLIENT)_ERROR/.test(text)) return fault('unknown', 'the server refused it')
  throw new ProtocolFault('a reply is none to the command it is for')
}

/** Gets of several keys: one write, one operation, a reply for each. */
export class MetaGets extends MetaOperation<(Item | undefined)[]> {
  readonly requestBytes: number
  readonly #keys: readonly string[]
  readonly #items: (Item | undefined)[] = []
  readonly #firstOpaque: number
  #failure: StoreError | undefined

  constructor(
    name: string,
    keys: readonly string[],
    refuse: Refuse,
    resolve: (items: (Item | undefined)[]) => void,
    reject: (error: Failure) => void,
  ) {
    super(name, refuse, resolve, reject)
    this.#keys = keys
    let bytes = 0
    for (const key of keys) bytes += key.length + 24
    this.requestBytes = bytes
    this.#firstOpaque = lastOpaque + 1
    lastOpaque += keys.length
  }

  encode(): Uint8Array {
    let opaque = this.#firstOpaque
    let lines = ''
    for (const key of this.#keys) lines += `mg ${key} v f c O${opaque++}\r\n`
    return Buffer.from(lines, 'latin1')
  }

  take(reply: MetaReply): boolean {
    const items = this.#items
    checkOpaque(reply, this.#firstOpaque + items.length)
    if (reply.kind === 'VA') {
      items.push({ bytes: reply.bytes, flags: reply.flags, cas: reply.cas })
    } else {
      if (reply.kind !== 'EN') this.#failure ??= this.unexpected(reply)
      items.push(undefined)
    }
    if (items.length < this.#keys.length) return false
    if (this.isOver) return true
    if (this.#failure === undefined) this.resolve(items)
    else this.fail(this.#failure)
    return true
  }
}

/** What a storage command is told: its flags after key and length. */
export interface Storing {
  readonly key: string
  readonly bytes: Uint8Array
  readonly expiry: number
  readonly flags: number
  /** `E`: only where nothing is. */
  readonly mode?: 'E'
  readonly cas?: bigint
}

function encodeStoring(storing: Storing, opaque: number, behind = ''): Uint8Array {
  const { key, bytes, expiry, flags, mode, cas } = storing
  let line = `ms ${key} ${bytes.byteLength} T${expiry} O${opaque}`
  if (flags !== 0) line += ` F${flags}`
  if (mode !== undefined) line += ` M${mode}`
  if (cas !== undefined) line += ` C${cas}`
  const start = Buffer.from(`${line}\r\n`, 'latin1')
  return Buffer.concat([start, bytes, Buffer.from(`\r\n${behind}`, 'latin1')])
}

/** `ms`: stores, and says whether it did. */
export class MetaStore extends MetaOperation<CompareAndSetOutcome> {
  readonly requestBytes: number
  readonly #storing: Storing
  readonly #opaque = nextOpaque()

  constructor(
    name: string,
    storing: Storing,
    refuse: Refuse,
    resolve: (outcome: CompareAndSetOutcome) => void,
    reject: (error: Failure) => void,
  ) {
    super(name, refuse, resolve, reject)
    this.#storing = storing
    this.requestBytes = storing.key.length + storing.bytes.byteLength + 48
  }

  encode(): Uint8Array {
    return encodeStoring(this.#storing, this.#opaque)
  }

  take(reply: MetaReply): boolean {
    checkOpaque(reply, this.#opaque)
    if (this.isOver) return true
    if (reply.kind === 'HD') this.resolve('stored')
    else if (reply.kind === 'EX' || reply.kind === 'NS') this.resolve('exists')
    else if (reply.kind === 'NF') this.resolve('missing')
    else this.fail(this.unexpected(reply))
    return true
  }
}

/** `ms` that stores where nothing is, and `mg` right behind it: the answer to a get-or-claim in one round trip. */
export class MetaAddOrGet extends MetaOperation<'stored' | 'gone' | Item> {
  readonly requestBytes: number
  readonly #storing: Storing
  readonly #addOpaque = nextOpaque()
  readonly #getOpaque = nextOpaque()
  #added: 'stored' | 'not stored' | StoreError | undefined

  constructor(
    storing: Storing,
    refuse: Refuse,
    resolve: (outcome: 'stored' | 'gone' | Item) => void,
    reject: (error: Failure) => void,
  ) {
    super('add', refuse, resolve, reject)
    this.#storing = storing
    this.requestBytes = 2 * storing.key.length + storing.bytes.byteLength + 80
  }

  encode(): Uint8Array {
    const get = `mg ${this.#storing.key} v f c O${this.#getOpaque}\r\n`
    return encodeStoring(this.#storing, this.#addOpaque, get)
  }

  take(reply: MetaReply): boolean {
    if (this.#added === undefined) {
      checkOpaque(reply, this.#addOpaque)
      if (reply.kind === 'HD') this.#added = 'stored'
      else if (reply.kind === 'NS') this.#added = 'not stored'
      else this.#added = this.unexpected(reply)
      return false
    }
    checkOpaque(reply, this.#getOpaque)
    if (this.isOver) return true
    if (this.#added === 'stored') this.resolve('stored')
    else if (this.#added !== 'not stored') this.fail(this.#added)
    else if (reply.kind === 'VA') {
      this.resolve({ bytes: reply.bytes, flags: reply.flags, cas: reply.cas })
    } else if (reply.kind === 'EN') this.resolve('gone')
    else this.fail(this.unexpected(reply))
    return true
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
