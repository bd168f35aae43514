/** Thrown where bytes are wanted that are not there. It never leaves this room. */
export class OutOfBytes extends Error {
  constructor() {
    super('out of bytes')
  }
}

/** Thrown where an image has more parts than any has. It never leaves this room. */
export class TooManyParts extends Error {
  constructor() {
    super('too many parts')
  }
}

/**
 * So many steps from part to part end a parser, well within 100 ms. A GIF of 10 MB takes 40,000 of them, and a JPEG
 * about as many.
 */
const mostSteps = 500_000

/**
 * Reads numbers and names at places of a view, and nothing outside it: a Node buffer is often a window into a pool that
 * other requests share.
 */
export class ByteReader {
  readonly bytes: Uint8Array
  readonly length: number
  #steps = 0

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
    this.length = bytes.byteLength
  }

  /** Counts what a loop over parts does, so that each has an end. @throws TooManyParts */
  step(cost = 1): void {
    this.#steps += cost
    if (this.#steps > mostSteps) throw new TooManyParts()
  }

  /** @throws OutOfBytes, as all that follow */
  u8(at: number): number {
    const byte = this.bytes[at]
    if (byte === undefined) throw new OutOfBytes()
    return byte
  }

  u16(at: number): number {
    return this.u8(at) * 0x100 + this.u8(at + 1)
  }

  u32(at: number): number {
    return this.u16(at) * 0x1_0000 + this.u16(at + 2)
  }

  /** Exact up to 2^53; beyond that it is larger than any body, which is all that matters. */
  u64(at: number): number {
    return this.u32(at) * 0x1_0000_0000 + this.u32(at + 4)
  }

  /** Big-endian, of 0, 4 or 8 bytes. */
  uint(at: number, size: number): number {
    if (size === 0) return 0
    return size === 8 ? this.u64(at) : this.u32(at)
  }

  u16le(at: number): number {
    return this.u8(at) + this.u8(at + 1) * 0x100
  }

  u24le(at: number): number {
    return this.u16le(at) + this.u8(at + 2) * 0x1_0000
  }

  u32le(at: number): number {
    return this.u16le(at) + this.u16le(at + 2) * 0x1_0000
  }

  /** Four letters, as PNG, RIFF and ISO media name their parts. */
  name(at: number): string {
    return String.fromCharCode(this.u8(at), this.u8(at + 1), this.u8(at + 2), this.u8(at + 3))
  }

  /** Whether these bytes stand there; false where the view ends before. */
  has(at: number, expected: readonly number[]): boolean {
    return expected.every((byte, place) => this.bytes[at + place] === byte)
  }
}
