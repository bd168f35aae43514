import type { StoreError } from '@holdfast/core'
import type { CompareAndSetOutcome, Item } from './driver.ts'
import {
  checkOpaque,
  type Failure,
  MetaItem,
  MetaOperation,
  nextOpaque,
  type Refuse,
} from './meta-operations.ts'
import type { MetaReply } from './meta-parser.ts'

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
      this.resolve(new MetaItem(reply))
    } else if (reply.kind === 'EN') this.resolve('gone')
    else this.fail(this.unexpected(reply))
    return true
  }
}
