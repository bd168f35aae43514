import { CodecError } from '../errors.ts'
import type { Codec } from './codec.ts'
import {
  asBuffer,
  type EnvelopeKind,
  encryptedBit,
  headBytes,
  peekKind,
  type Stamp,
  writeHead,
} from './head.ts'
import { hasValidChecksum, hasValidMac, sealBytes, sealCode, writeSeal } from './integrity.ts'
import { maxEnvelopeBytes } from './limits.ts'

/**
 * What all envelopes have in common, whatever they hold: the clear head, how they are sealed, the key they belong to,
 * and the seal at the end.
 *
 *    0  1   kind and format        17  1  how it is sealed         21         id of the sealing key
 *    1  16  stamp                  18  1  length of the key id     …          key, UTF-8
 *                                  19  2  length of the key        …          body, then the seal
 *
 * Numbers are little-endian. docs/concepts/envelope.md has the whole layout and a reader in Python.
 */
const fixedBytes = headBytes + 4

/** Why bytes are not believed. Each is a counted miss. */
export type RefusalReason =
  /** Not an envelope, of a later format, or with lengths that do not add up. */
  | 'format'
  /** Whole, but written for another key. */
  | 'key'
  /** Damaged. */
  | 'checksum'
  /** Without a valid HMAC of a known key while `codec.integrity` asks for one, or the other way round. */
  | 'mac'
  /** Encrypted, and read without `encryptedStore`. */
  | 'encrypted'
  /** Over a limit: payload, nesting, number of values, inflation. */
  | 'limit'
  /** Compressed in a way that this Node cannot undo, or not to the length that was announced. */
  | 'compression'
  /** Of another serializer, or one that threw. */
  | 'serializer'

export interface RefusedEntry {
  readonly kind: 'refused'
  readonly reason: RefusalReason
}

export function refused(reason: RefusalReason): RefusedEntry {
  return { kind: 'refused', reason }
}

/** An envelope that has been verified: its body lies from `at` to before `end`. */
export interface OpenFrame {
  readonly kind: EnvelopeKind
  readonly buffer: Buffer
  readonly at: number
  readonly end: number
}

export interface NewFrame {
  readonly buffer: Buffer
  /** Where the body begins. */
  readonly at: number
}

/**
 * Room for an envelope of this kind, filled in up to its body; `closeFrame` follows.
 * @throws CodecError where it would be too large
 */
export function beginFrame(
  kind: EnvelopeKind,
  stamp: Stamp,
  key: string,
  bodyBytes: number,
  codec: Codec,
): NewFrame {
  const writer = codec.integrity?.writer
  const idBytes = writer === undefined ? 0 : writer.id.byteLength
  const keyBytes = Buffer.byteLength(key)
  const size = fixedBytes + idBytes + keyBytes + bodyBytes + sealBytes(writer !== undefined)
  if (keyBytes > 0xffff || size > maxEnvelopeBytes) {
    throw new CodecError(
      `an entry with its key, tags and metadata must stay within ${maxEnvelopeBytes} bytes, its key within 65535; it has ${size}, its key ${keyBytes}`,
    )
  }
  const buffer = Buffer.allocUnsafe(size)
  writeHead(buffer, kind, stamp)
  buffer[17] = writer === undefined ? sealCode.crc32 : sealCode.hmacSha256
  buffer[18] = idBytes
  buffer.writeUInt16LE(keyBytes, 19)
  if (writer !== undefined) buffer.set(writer.id, fixedBytes)
  const at = fixedBytes + idBytes
  buffer.write(key, at)
  return { buffer, at: at + keyBytes }
}

export function closeFrame(frame: NewFrame, codec: Codec): Uint8Array {
  writeSeal(frame.buffer, codec.integrity)
  return frame.buffer
}

/** Verifies everything that can be verified without looking into the body. */
export function openFrame(bytes: Uint8Array, key: string, codec: Codec): OpenFrame | RefusedEntry {
  if (bytes.byteLength > maxEnvelopeBytes) return refused('limit')
  const kind = peekKind(bytes)
  if (kind === undefined || bytes.byteLength < fixedBytes) return refused('format')
  const buffer = asBuffer(bytes)
  if (((buffer[0] as number) & encryptedBit) !== 0) return refused('encrypted')
  const isMac = buffer[17] === sealCode.hmacSha256
  if (!isMac && buffer[17] !== sealCode.crc32) return refused('format')
  const idEnd = fixedBytes + (buffer[18] as number)
  if (isMac) {
    const sealer = codec.integrity?.keys.get(buffer.toString('utf8', fixedBytes, idEnd))
    if (sealer === undefined || !hasValidMac(buffer, sealer)) return refused('mac')
  } else {
    if (codec.isVerified !== true && !hasValidChecksum(buffer)) return refused('checksum')
    // Whoever can write to the store can compute a CRC: with keys, only a MAC counts.
    if (codec.integrity !== undefined) return refused('mac')
  }
  const at = idEnd + (buffer[19] as number) + ((buffer[20] as number) << 8)
  const end = buffer.length - sealBytes(isMac)
  if (at > end) return refused('format')
  if (!isText(buffer, idEnd, at, key)) return refused('key')
  return { kind, buffer, at, end }
}

/** Whether these bytes are this text in UTF-8. Most keys are ASCII, and comparing those makes no string. */
function isText(buffer: Buffer, start: number, end: number, text: string): boolean {
  const length = end - start
  if (length !== text.length) return buffer.toString('utf8', start, end) === text
  for (let index = 0; index < length; index++) {
    const byte = buffer[start + index] as number
    if (byte !== text.charCodeAt(index) || byte > 0x7f)
      return buffer.toString('utf8', start, end) === text
  }
  return true
}
