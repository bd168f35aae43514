import { ProtocolFault } from './connection-errors.ts'
import { ValueMemory } from './value-memory.ts'

/**
 * One reply. The same object tells all replies of a connection, so whoever takes it keeps no hold of it.
 *
 * `VA HD EN NS EX NF MN` are the meta commands' own (doc/protocol.txt, "Meta commands"); `VALUE` is one value of a
 * `gets` (the same, "Retrieval command"), and `begun` says in advance which key it is of, where it has not all come;
 * `line` is any other line, and has its words in `text`.
 */
export interface MetaReply {
  kind: 'VA' | 'HD' | 'EN' | 'NS' | 'EX' | 'NF' | 'MN' | 'VALUE' | 'begun' | 'line'
  /** Flag `O`, or -1. Which command a reply is for. */
  opaque: number
  /** Flag `f`. */
  flags: number
  /** Flag `c`, exact: a number where it is small enough for one, else a bigint. */
  cas: number | bigint
  /** The value of `VA` and `VALUE`, copied out of what was received. */
  bytes: Uint8Array
  text: string
  /** Of `VALUE` and `begun`: its key lies here, from `keyFrom` to before `keyEnd`. A text would be made only to be compared. */
  line: Buffer
  keyFrom: number
  keyEnd: number
}

/** Replies of meta commands by their two letters. */
const kinds = new Map<number, MetaReply['kind']>(
  (['VA', 'HD', 'EN', 'NS', 'EX', 'NF', 'MN'] as const).map((kind) => [
    (kind.charCodeAt(0) << 8) | kind.charCodeAt(1),
    kind,
  ]),
)

const noBytes = new Uint8Array(0)
const noLine = Buffer.alloc(0)
const valueWord = Buffer.from('VALUE ')
/** No line of a server comes near it. */
const maxLineBytes = 8_192
const [lineFeed, carriageReturn, space] = [10, 13, 32]
const [zero, nine] = [48, 57]
const [letterA, letterL, letterO, letterZ, letterC, letterF] = [65, 76, 79, 90, 99, 102]

/** Takes the bytes of one connection apart, wherever they were cut, and tells each reply once it is whole. */
export class MetaParser {
  readonly #tell: (reply: MetaReply) => void
  readonly #maxValueBytes: number
  readonly #memory = new ValueMemory()
  readonly #reply: MetaReply = {
    kind: 'MN',
    opaque: -1,
    flags: 0,
    cas: 0,
    bytes: noBytes,
    text: '',
    line: noLine,
    keyFrom: 0,
    keyEnd: 0,
  }
  /** The beginning of a line whose end has not come. */
  #lineStart: Buffer | undefined
  /** The value that is being received, and what of it and its line end is still to come. */
  #value: Buffer | undefined
  #missing = 0
  /** Where in `#chunk` the next byte is read. */
  #chunk: Buffer = Buffer.alloc(0)
  #at = 0

  /** A length beyond `maxValueBytes` is garbage, or would fill the memory. */
  constructor(tell: (reply: MetaReply) => void, maxValueBytes: number) {
    this.#tell = tell
    this.#maxValueBytes = maxValueBytes
  }

  /** @throws {ProtocolFault} */
  push(chunk: Buffer): void {
    this.#chunk = chunk
    this.#at = 0
    if (this.#value !== undefined && !this.#goOnWithValue(this.#value)) return
    if (this.#lineStart !== undefined) {
      this.#chunk = Buffer.concat([this.#lineStart, chunk])
      this.#lineStart = undefined
    }
    const { length } = this.#chunk
    while (this.#at < length) {
      // Lines are short: a loop finds their end sooner than a call into native code.
      let end = this.#at
      while (end < length && this.#chunk[end] !== lineFeed) end++
      if (end === length) {
        if (length - this.#at > maxLineBytes) throw new ProtocolFault('a reply line does not end')
        this.#lineStart = Buffer.from(this.#chunk.subarray(this.#at))
        return
      }
      if (!this.#line(end)) return
    }
  }

  /** The line that ends at `end`. False where the value that follows it has not all come. */
  #line(end: number): boolean {
    const chunk = this.#chunk
    const from = this.#at
    // Words, and no bytes of another protocol.
    if (chunk[from]! < letterA || chunk[from]! > letterZ) {
      throw new ProtocolFault("the reply is none of the meta protocol; see protocol: 'binary'")
    }
    if (chunk[end - 1] !== carriageReturn) throw new ProtocolFault('a reply line ends wrongly')
    this.#at = end + 1
    const reply = this.#reply
    reply.opaque = -1
    reply.flags = 0
    reply.cas = 0
    const third = chunk[from + 2]
    const kind =
      third === space || third === carriageReturn
        ? kinds.get((chunk[from]! << 8) | chunk[from + 1]!)
        : undefined
    if (kind === undefined) {
      if (third === letterL && this.#isValueLine(from)) return this.#classicValue(from + 6, end - 1)
      reply.kind = 'line'
      reply.text = chunk.toString('latin1', from, end - 1)
      this.#tell(reply)
      return true
    }
    reply.kind = kind
    if (kind !== 'VA') {
      if (third === space) this.#flags(from + 3, end - 1)
      this.#tell(reply)
      return true
    }
    const sizeEnd = this.#wordEnd(from + 3, end - 1)
    const size = this.#size(from + 3, sizeEnd)
    this.#flags(sizeEnd + 1, end - 1)
    return this.#valueOf(size)
  }

  #isValueLine(from: number): boolean {
    for (let at = 0; at < valueWord.length; at++)
      if (this.#chunk[from + at] !== valueWord[at]) return false
    return true
  }

  /** `<key> <flags> <bytes> <cas>` */
  #classicValue(from: number, end: number): boolean {
    const chunk = this.#chunk
    const reply = this.#reply
    const keyEnd = this.#wordEnd(from, end)
    const flagsEnd = this.#wordEnd(keyEnd + 1, end)
    const sizeEnd = this.#wordEnd(flagsEnd + 1, end)
    reply.kind = 'VALUE'
    reply.line = chunk
    reply.keyFrom = from
    reply.keyEnd = keyEnd
    reply.flags = this.#number(keyEnd + 1, flagsEnd)
    const size = this.#size(flagsEnd + 1, sizeEnd)
    reply.cas = this.#exact(sizeEnd + 1, end)
    return this.#valueOf(size)
  }

  #wordEnd(from: number, end: number): number {
    let at = from
    while (at < end && this.#chunk[at] !== space) at++
    return at
  }

  #number(from: number, end: number): number {
    let number = 0
    for (let at = from; at < end; at++) number = number * 10 + digit(this.#chunk[at]!)
    return number
  }

  /** Beyond 2^53 a number is no longer exact. */
  #exact(from: number, end: number): number | bigint {
    const number = this.#number(from, end)
    return end - from > 15 ? BigInt(this.#chunk.toString('latin1', from, end)) : number
  }

  #size(from: number, end: number): number {
    if (from >= end) throw new ProtocolFault('a value has no length')
    const size = this.#number(from, end)
    if (size > this.#maxValueBytes)
      throw new ProtocolFault('a value is longer than any that is kept')
    return size
  }

  #valueOf(size: number): boolean {
    const chunk = this.#chunk
    const from = this.#at
    const value = this.#memory.take(size)
    if (chunk.length - from >= size + 2) {
      chunk.copy(value, 0, from, from + size)
      this.#at = from + size
      this.#endOfValue()
      this.#give(value)
      return true
    }
    this.#value = value
    this.#missing = size + 2
    if (this.#reply.kind === 'VALUE') this.#begun()
    return this.#goOnWithValue(value)
  }

  #begun(): void {
    const reply = this.#reply
    const { line, keyFrom, keyEnd } = reply
    reply.kind = 'begun'
    this.#tell(reply)
    reply.kind = 'VALUE'
    // What was received is gone by when the value is whole.
    reply.line = Buffer.from(line.subarray(keyFrom, keyEnd))
    reply.keyFrom = 0
    reply.keyEnd = keyEnd - keyFrom
  }

  /** Takes what has come of a value. False while it is not all there. */
  #goOnWithValue(value: Buffer): boolean {
    const chunk = this.#chunk
    const done = value.length + 2 - this.#missing
    const taken = chunk.copy(value, Math.min(done, value.length), this.#at)
    this.#at += taken
    this.#missing -= taken
    for (; this.#missing > 0 && this.#missing <= 2; this.#missing--) {
      if (this.#at >= chunk.length) return false
      this.#expect(this.#missing === 2 ? carriageReturn : lineFeed)
    }
    if (this.#missing > 0) return false
    this.#value = undefined
    this.#give(value)
    return true
  }

  #give(value: Buffer): void {
    this.#reply.bytes = value
    this.#tell(this.#reply)
    this.#reply.bytes = noBytes
    this.#reply.line = noLine
  }

  #endOfValue(): void {
    this.#expect(carriageReturn)
    this.#expect(lineFeed)
  }

  #expect(byte: number): void {
    if (this.#chunk[this.#at++] !== byte) throw new ProtocolFault('a value is longer than it said')
  }

  #flags(from: number, end: number): void {
    const chunk = this.#chunk
    const reply = this.#reply
    for (let at = from; at < end; at++) {
      const letter = chunk[at]!
      if (letter !== letterF && letter !== letterO && letter !== letterC) {
        while (at < end && chunk[at] !== space) at++
        continue
      }
      const first = at + 1
      at = this.#wordEnd(first, end)
      if (letter === letterO) reply.opaque = this.#number(first, at)
      else if (letter === letterF) reply.flags = this.#number(first, at)
      else reply.cas = this.#exact(first, at)
    }
  }
}

function digit(byte: number): number {
  if (byte < zero || byte > nine) throw new ProtocolFault('a reply has letters where a number is')
  return byte - zero
}
