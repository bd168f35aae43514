import { CodecError } from '../errors.ts'

/** What an envelope is: a kept value, a claim on a key, a claim whose holder failed, or the version of a tag or namespace. */
export type EnvelopeKind = 'value' | 'claim' | 'failed-claim' | 'version'

/** 16 random bytes as 32 lowercase hexadecimal digits. Compared for equality only; it carries no order and no time. */
export type Stamp = string

/** The bytes at the start of everything that core writes which stay readable whatever follows. */
export const headBytes = 17

/** The first 17 bytes, read without looking at the rest. Nothing in it has been verified. */
export interface Head {
  readonly kind: EnvelopeKind
  /** The rest is sealed by `encryptedStore`. */
  readonly encrypted: boolean
  readonly stamp: Stamp
}

/**
 * Byte 0 is `10ffekkk`: format, encrypted or not, kind. Its first two bits make it a byte that no UTF-8 text begins
 * with, so that what other programs left under a key is not taken for an envelope.
 */
const format1 = 0b1001_0000
const formatMask = 0b1111_0000
const kindMask = 0b0000_0111
/** Set by a store that encrypts what follows the head; see docs/concepts/envelope.md. */
export const encryptedBit = 0b0000_1000

const kinds: readonly (EnvelopeKind | undefined)[] = [
  undefined,
  'value',
  'claim',
  'failed-claim',
  'version',
]
const stampPattern = /^[0-9a-f]{32}$/

/** The 17 bytes that an envelope of this kind and stamp begins with: what `replace` compares. */
export function headOf(kind: EnvelopeKind, stamp: Stamp): Uint8Array {
  const head = Buffer.allocUnsafe(headBytes)
  writeHead(head, kind, stamp)
  return head
}

/** @throws CodecError for a stamp that is not 32 lowercase hexadecimal digits. */
export function writeHead(target: Buffer, kind: EnvelopeKind, stamp: Stamp): void {
  target[0] = format1 | kinds.indexOf(kind)
  writeStamp(target, stamp, 1)
}

/** @throws CodecError for a stamp that is not 32 lowercase hexadecimal digits. */
export function writeStamp(target: Buffer, stamp: Stamp, at: number): number {
  if (!stampPattern.test(stamp)) {
    throw new CodecError('a stamp must be 16 bytes as 32 lowercase hexadecimal digits')
  }
  return at + target.write(stamp, at, 16, 'hex')
}

/** What the bytes say they are; `undefined` for bytes that core did not write, or wrote in a later format. */
export function peekHead(bytes: Uint8Array): Head | undefined {
  const kind = peekKind(bytes)
  if (kind === undefined) return undefined
  const encrypted = ((bytes[0] as number) & encryptedBit) !== 0
  return { kind, encrypted, stamp: stampOf(asBuffer(bytes)) }
}

export function peekKind(bytes: Uint8Array): EnvelopeKind | undefined {
  const first = bytes[0]
  if (first === undefined || bytes.length < headBytes) return undefined
  return (first & formatMask) === format1 ? kinds[first & kindMask] : undefined
}

/** The stamp of bytes that begin with a head. */
export function stampOf(bytes: Buffer): Stamp {
  return bytes.toString('hex', 1, headBytes)
}

/** The same memory with Buffer's methods. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes)
    ? bytes
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
