import { randomFillSync } from 'node:crypto'
import { asBuffer, encryptedBit, headBytes } from '../entry/head.ts'
import { nonceBytes, tagBytes, type Xaes } from './xaes.ts'

/**
 * What `encryptedStore` keeps:
 *
 *    0  17  clear head: the value's own first bytes      20  …   id of the key, UTF-8
 *   17  1   format of what follows                       …   24  nonce
 *   18  1   flags                                        …   …   ciphertext of the rest
 *   19  1   length of the key id                         …   16  tag
 *
 * Everything before the nonce, and then the entry's key, is authenticated. A value of fewer than 17 bytes has no head
 * to compare: it is sealed whole, behind random bytes. docs/concepts/envelope.md says it for other languages.
 */
const format = 0xe1
/** The value is shorter than a head. */
const wholeFlag = 1
/** The first byte has got its encrypted bit here. */
const markedFlag = 2
const fixedBytes = headBytes + 3

export const maxIdBytes = 64
/** The most that sealing adds. */
export const sealOverheadBytes = fixedBytes + maxIdBytes + nonceBytes + tagBytes
/** The first bytes of what is stored, long enough to hold its nonce: no other write begins with the same. */
const identityBytes = fixedBytes + maxIdBytes + nonceBytes

export interface SealingKey {
  readonly id: string
  readonly idBytes: Uint8Array
  readonly cipher: Xaes
}

/** What kind of bytes did not open. */
export type SealFault = 'plaintext' | 'unknown-key' | 'damaged'

export function seal(key: SealingKey, name: string, bytes: Uint8Array): Uint8Array {
  const isWhole = bytes.byteLength < headBytes
  const body = isWhole ? bytes : bytes.subarray(headBytes)
  const start = fixedBytes + key.idBytes.byteLength
  const out = Buffer.allocUnsafe(start + nonceBytes + body.byteLength + tagBytes)
  let flags = isWhole ? wholeFlag : 0
  if (isWhole) randomFillSync(out, 0, headBytes)
  else {
    out.set(bytes.subarray(0, headBytes))
    if (isMarkable(bytes[0]!)) {
      if ((bytes[0]! & encryptedBit) === 0) flags |= markedFlag
      out[0] = bytes[0]! | encryptedBit
    }
  }
  out[17] = format
  out[18] = flags
  out[19] = key.idBytes.byteLength
  out.set(key.idBytes, fixedBytes)
  randomFillSync(out, start, nonceBytes)
  const nonce = out.subarray(start, start + nonceBytes)
  key.cipher.seal(nonce, aadOf(out, start, name), body, out, start + nonceBytes)
  return out
}

/** What was sealed under this very key, or why it is not believed. */
export function unseal(
  keys: ReadonlyMap<string, SealingKey>,
  name: string,
  stored: Uint8Array,
): Uint8Array | SealFault {
  const buffer = asBuffer(stored)
  if (buffer.length < fixedBytes + nonceBytes + tagBytes || buffer[17] !== format)
    return 'plaintext'
  const start = fixedBytes + buffer[19]!
  const from = start + nonceBytes
  if (from + tagBytes > buffer.length) return 'damaged'
  const key = keys.get(buffer.toString('utf8', fixedBytes, start))
  if (key === undefined) return 'unknown-key'
  const nonce = buffer.subarray(start, from)
  const body = key.cipher.open(nonce, aadOf(buffer, start, name), buffer.subarray(from))
  if (body === undefined) return 'damaged'
  const flags = buffer[18]!
  if ((flags & wholeFlag) !== 0) return body
  const bytes = Buffer.allocUnsafe(headBytes + body.length)
  buffer.copy(bytes, 0, 0, headBytes)
  if ((flags & markedFlag) !== 0) bytes[0]! &= ~encryptedBit
  bytes.set(body, headBytes)
  return bytes
}

/** The id of the key that sealed these bytes, which have been unsealed. */
export function keyIdOf(stored: Uint8Array): string {
  return asBuffer(stored).toString('utf8', fixedBytes, fixedBytes + stored[19]!)
}

/** The 17 bytes that stored bytes begin with where the value itself begins with `head`. */
export function sealedHead(head: Uint8Array): Uint8Array {
  if (!isMarkable(head[0]!)) return head
  const marked = Uint8Array.from(head)
  marked[0]! |= encryptedBit
  return marked
}

/** What tells these stored bytes from all that were, or will be, stored under their key. */
export function identityOf(stored: Uint8Array): Uint8Array {
  return stored.subarray(0, identityBytes)
}

/** Whether it is the first byte of an envelope, of any format: its fifth bit says that the rest is sealed. */
const isMarkable = (first: number) => (first & 0b1100_0000) === 0b1000_0000

function aadOf(sealed: Buffer, start: number, name: string): Buffer {
  const aad = Buffer.allocUnsafe(start + Buffer.byteLength(name))
  sealed.copy(aad, 0, 0, start)
  aad.write(name, start)
  return aad
}
