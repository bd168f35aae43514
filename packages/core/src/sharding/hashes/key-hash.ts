/**
 * A 32-bit hash of a key's bytes, with two ways in: bytes, and text that is hashed as its UTF-8 bytes without
 * being encoded first when it is ASCII. Results are signed (`| 0`): values from 2^31 up would be boxed on the heap
 * whenever a call is not inlined; whoever needs the unsigned number applies `>>> 0`.
 *
 * The implementations are classes: a method is one function for all rings of a process, while a closure would be
 * compiled for the first ring and slow down with the second.
 */
export interface KeyHash {
  bytes(key: Uint8Array, start: number, end: number): number
  text(key: string, start: number, end: number): number
}

const encoder = new TextEncoder()
// Lookups are synchronous and never nest, so one buffer serves all; longer keys get a buffer of their own.
const scratch = new Uint8Array(8192)

/** Hashes a part of a text as its UTF-8 bytes; a lone surrogate counts as U+FFFD, as in every UTF-8 encoder. */
export function hashEncoded(hash: KeyHash, text: string, start: number, end: number): number {
  const part = start === 0 && end === text.length ? text : text.slice(start, end)
  if (part.length * 3 > scratch.length) {
    const bytes = encoder.encode(part)
    return hash.bytes(bytes, 0, bytes.length)
  }
  return hash.bytes(scratch, 0, encoder.encodeInto(part, scratch).written)
}

/** A hash whose way in for text leads through bytes: ASCII is copied without a call into the runtime. */
export abstract class ByteWiseHash implements KeyHash {
  abstract bytes(key: Uint8Array, start: number, end: number): number

  text(key: string, start: number, end: number): number {
    const length = end - start
    if (length > scratch.length) return hashEncoded(this, key, start, end)
    for (let i = 0; i < length; i++) {
      const unit = key.charCodeAt(start + i)
      if (unit > 0x7f) return hashEncoded(this, key, start, end)
      scratch[i] = unit
    }
    return this.bytes(scratch, 0, length)
  }
}
