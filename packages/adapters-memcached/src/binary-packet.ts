/** The binary protocol of memcached, as far as a cache needs it (memcached's wiki, BinaryProtocolRevamped). */
export const opcodes = {
  get: 0x00,
  set: 0x01,
  add: 0x02,
  delete: 0x04,
  noop: 0x0a,
  version: 0x0b,
  getKey: 0x0c,
  getKeyQuietly: 0x0d,
  stat: 0x10,
  addQuietly: 0x12,
  touch: 0x1c,
  saslAuth: 0x21,
} as const

export const statuses = {
  ok: 0x00,
  missing: 0x01,
  exists: 0x02,
  tooLarge: 0x03,
  invalid: 0x04,
  notStored: 0x05,
  unauthenticated: 0x20,
  unknownCommand: 0x81,
  outOfMemory: 0x82,
  notSupported: 0x83,
  internal: 0x84,
  busy: 0x85,
  temporary: 0x86,
} as const

export const headerBytes = 24
export const replyMagic = 0x81
const requestMagic = 0x80

/** A request. `key` is ASCII; what is left out is empty or zero. */
export interface Request {
  readonly opcode: number
  readonly opaque: number
  readonly key?: string
  readonly flags?: number
  readonly expiry?: number
  readonly cas?: bigint
  readonly value?: Uint8Array
}

const storing: ReadonlySet<number> = new Set([opcodes.set, opcodes.add, opcodes.addQuietly])

/** How many bytes a request takes. */
function requestLength({ opcode, key = '', value }: Request): number {
  return headerBytes + extrasLength(opcode) + key.length + (value?.length ?? 0)
}

const extrasLength = (opcode: number) =>
  storing.has(opcode) ? 8 : opcode === opcodes.touch ? 4 : 0

/** Writes one request after the other. */
export function encodeRequests(requests: readonly Request[]): Buffer {
  let length = 0
  for (const request of requests) length += requestLength(request)
  const bytes = Buffer.allocUnsafe(length)
  let at = 0
  for (const request of requests) at = writeRequest(bytes, at, request)
  return bytes
}

function writeRequest(bytes: Buffer, start: number, request: Request): number {
  const { opcode, opaque, key = '', value, cas = 0n } = request
  const extras = extrasLength(opcode)
  writeHeader(bytes, start, opcode, key.length, extras, value?.length ?? 0, opaque)
  if (cas !== 0n) bytes.writeBigUInt64BE(cas, start + 16)
  let at = start + headerBytes
  if (extras === 8) at = bytes.writeUInt32BE(request.flags ?? 0, at)
  if (extras > 0) at = bytes.writeUInt32BE(request.expiry ?? 0, at)
  if (key.length > 0) at += bytes.write(key, at, 'latin1')
  if (value !== undefined) {
    bytes.set(value, at)
    at += value.length
  }
  return at
}

function writeHeader(
  bytes: Buffer,
  at: number,
  opcode: number,
  keyLength: number,
  extras: number,
  valueLength: number,
  opaque: number,
): void {
  bytes[at] = requestMagic
  bytes[at + 1] = opcode
  bytes[at + 2] = keyLength >>> 8
  bytes[at + 3] = keyLength
  bytes[at + 4] = extras
  bytes[at + 5] = 0
  bytes[at + 6] = 0
  bytes[at + 7] = 0
  writeUint32(bytes, at + 8, extras + keyLength + valueLength)
  writeUint32(bytes, at + 12, opaque)
  writeUint32(bytes, at + 16, 0)
  writeUint32(bytes, at + 20, 0)
}

function writeUint32(bytes: Buffer, at: number, value: number): void {
  bytes[at] = value >>> 24
  bytes[at + 1] = value >>> 16
  bytes[at + 2] = value >>> 8
  bytes[at + 3] = value
}

/** A get that is answered in any case, with the key where there is a value. */
export function encodeGet(key: string, opaque: number): Buffer {
  const bytes = Buffer.allocUnsafe(headerBytes + key.length)
  writeHeader(bytes, 0, opcodes.getKey, key.length, 0, 0, opaque)
  bytes.write(key, headerBytes, 'latin1')
  return bytes
}

/** Quiet gets for all keys, which are answered for hits alone, and a NOOP whose reply ends them. One opaque for all. */
export function encodeGets(keys: readonly string[], opaque: number): Buffer {
  let length = headerBytes
  for (const key of keys) length += headerBytes + key.length
  const bytes = Buffer.allocUnsafe(length)
  let at = 0
  for (const key of keys) {
    writeHeader(bytes, at, opcodes.getKeyQuietly, key.length, 0, 0, opaque)
    bytes.write(key, at + headerBytes, 'latin1')
    at += headerBytes + key.length
  }
  writeHeader(bytes, at, opcodes.noop, 0, 0, 0, opaque)
  return bytes
}

/**
 * A reply. One object serves all replies of a connection, one after the other: what is to be kept of it is taken out
 * while it is told. The names of the fields are memjs's.
 */
export class Packet {
  opcode = 0
  status = 0
  opaque = 0
  totalBodyLength = 0
  #keyLength = 0
  #extrasLength = 0
  #bytes: Buffer = Buffer.alloc(0)
  #start = 0
  #isAlone = false

  /** memjs looks for the fields of the header one step down. */
  get header(): this {
    return this
  }

  get key(): Buffer {
    const from = this.#start + headerBytes + this.#extrasLength
    return this.#bytes.subarray(from, from + this.#keyLength)
  }

  get extras(): Buffer {
    const from = this.#start + headerBytes
    return this.#bytes.subarray(from, from + this.#extrasLength)
  }

  get val(): Buffer {
    return this.#bytes.subarray(this.#valueStart, this.#start + headerBytes + this.totalBodyLength)
  }

  /** The number of an item's state has 64 bits: these are the first, `casLow` the last 32. */
  get casHigh(): number {
    return readUint32(this.#bytes, this.#start + 16)
  }

  get casLow(): number {
    return readUint32(this.#bytes, this.#start + 20)
  }

  /** The flags of an item, which are the first four bytes behind the header of a get's reply. */
  get flags(): number {
    return this.#extrasLength >= 4 ? readUint32(this.#bytes, this.#start + headerBytes) : 0
  }

  /** The value in memory of its own. */
  ownValue(): Buffer {
    if (this.#isAlone) return this.val
    const from = this.#valueStart
    const length = this.#start + headerBytes + this.totalBodyLength - from
    const own = Buffer.allocUnsafeSlow(length)
    this.#bytes.copy(own, 0, from, from + length)
    return own
  }

  /** Whether the reply is about this key of ASCII characters. */
  isAbout(key: string): boolean {
    const length = this.#keyLength
    if (key.length !== length) return false
    const from = this.#start + headerBytes + this.#extrasLength
    // Keys of a cache differ at their end.
    for (let at = length - 1; at >= 0; at--) {
      if (this.#bytes[from + at] !== key.charCodeAt(at)) return false
    }
    return true
  }

  /** Becomes the reply at `start`, whose header is complete; false where its lengths contradict each other. */
  readHeader(bytes: Buffer, start: number): boolean {
    this.opcode = bytes[start + 1]!
    this.#keyLength = (bytes[start + 2]! << 8) | bytes[start + 3]!
    this.#extrasLength = bytes[start + 4]!
    this.status = (bytes[start + 6]! << 8) | bytes[start + 7]!
    this.totalBodyLength = readUint32(bytes, start + 8)
    this.opaque = readUint32(bytes, start + 12)
    return this.#keyLength + this.#extrasLength <= this.totalBodyLength
  }

  /** Says where all of it now is. `isAlone`: in memory that holds nothing else. */
  place(bytes: Buffer, start: number, isAlone: boolean): void {
    this.#bytes = bytes
    this.#start = start
    this.#isAlone = isAlone
  }

  get #valueStart(): number {
    return this.#start + headerBytes + this.#extrasLength + this.#keyLength
  }
}

const readUint32 = (bytes: Buffer, at: number): number =>
  ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0
