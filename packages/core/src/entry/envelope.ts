import { CodecError } from '../errors.ts'
import { type Expiry, mostExpiries } from '../invalidation/expiries.ts'
import type { Codec } from './codec.ts'
import { compress, compressionCode, decompress } from './compression.ts'
import {
  beginFrame,
  closeFrame,
  type OpenFrame,
  openFrame,
  type RefusedEntry,
  refused,
} from './frame.ts'
import { asBuffer, type Stamp, stampOf, writeStamp } from './head.ts'
import { maxInflation, maxPayloadBytes } from './limits.ts'
import {
  deserialize,
  OverLimitError,
  type Payload,
  payloadKind,
  type Serializer,
  serialize,
} from './serializer.ts'
import {
  newPayloadPlace,
  type PayloadPlace,
  type ReadValue,
  readValue,
  type StoredPayload,
  type ValueFields,
  type WritableFields,
  writeValue,
} from './value-body.ts'

/**
 * An entry on its way to the far tier and back. Every envelope is verified as a whole, and every way in which bytes
 * can be wrong is an answer of its own kind: reading never throws. docs/concepts/envelope.md describes each byte.
 */
export interface ValueEntry extends WritableFields {
  readonly value: unknown
}

/** A claim on a key, or the mark of a claim whose holder failed. The stamp tells one claim from the next. */
export interface Claim {
  readonly key: string
  readonly stamp: Stamp
  /** Counts the signs of life of the holder; wraps at 2^32. */
  readonly beat: number
  readonly failed?: boolean
}

/** The version of a tag, of a namespace or of a tag epoch: its stamp, under a key of its own. */
export interface Version {
  readonly key: string
  readonly stamp: Stamp
  /** When a tag was expired since it has this stamp, oldest first, in Unix milliseconds. */
  readonly expiries?: readonly Expiry<Stamp>[]
}

export type DecodedValue = Readonly<ReadValue>

export type DecodedEntry =
  | DecodedValue
  | { readonly kind: 'claim' | 'failed-claim'; readonly stamp: Stamp; readonly beat: number }
  | {
      readonly kind: 'version'
      readonly stamp: Stamp
      readonly expiries?: readonly Expiry<Stamp>[]
    }
  | RefusedEntry

const beatBytes = 4
const stampBytes = 16
/** A stamp, and an instant as a double. */
const expiryBytes = stampBytes + 8

/**
 * The envelope of a value: at once, unless a payload above 64 KiB is compressed.
 * @throws CodecError for a value that would not come back exactly as it is, or is over a limit
 */
export function encodeValue(entry: ValueEntry, codec: Codec): Uint8Array | Promise<Uint8Array> {
  const payload = serialize(entry.value, codec.serializer)
  const plainBytes =
    payload.text === undefined ? payload.bytes.byteLength : Buffer.byteLength(payload.text)
  if (plainBytes > maxPayloadBytes) {
    throw new CodecError(
      `a value for the far tier must have at most ${maxPayloadBytes} bytes once serialized; it has ${plainBytes}`,
    )
  }
  const plain: StoredPayload = {
    kind: payload.kind,
    compression: compressionCode.none,
    serializerName: payload.kind === payloadKind.custom ? (codec.serializer?.name ?? '') : '',
    content: payload.text ?? payload.bytes,
    storedBytes: plainBytes,
    plainBytes,
  }
  const { compression } = codec
  if (compression === undefined || plainBytes < compression.thresholdBytes || plainBytes === 0) {
    return writeValue(entry, plain, codec)
  }
  const write = (content: Buffer | undefined) =>
    writeValue(
      entry,
      content === undefined
        ? plain
        : {
            ...plain,
            compression: compressionCode[compression.algorithm],
            content,
            storedBytes: content.byteLength,
          },
      codec,
    )
  const packed = compress(ownBytes(payload), compression.algorithm)
  return packed instanceof Promise ? packed.then(write) : write(packed)
}

export function encodeClaim(claim: Claim, codec: Codec): Uint8Array {
  const kind = claim.failed === true ? 'failed-claim' : 'claim'
  const frame = beginFrame(kind, claim.stamp, claim.key, beatBytes, codec)
  frame.buffer.writeUInt32LE(claim.beat >>> 0, frame.at)
  return closeFrame(frame, codec)
}

export function encodeVersion({ key, stamp, expiries = [] }: Version, codec: Codec): Uint8Array {
  const frame = beginFrame('version', stamp, key, expiries.length * expiryBytes, codec)
  let { at } = frame
  for (const expiry of expiries) {
    at = frame.buffer.writeDoubleLE(expiry.at, writeStamp(frame.buffer, expiry.id, at))
  }
  return closeFrame(frame, codec)
}

/**
 * What the bytes under a key are: at once, unless a payload that was compressed from more than 64 KiB has to be
 * decompressed. Never throws and never rejects. `isStampless`: the stamp of a value is left empty, for whoever reads
 * many and asks few of them (`stampOf`).
 */
export function decodeEntry(
  bytes: Uint8Array,
  key: string,
  codec: Codec,
  isStampless = false,
): DecodedEntry | Promise<DecodedEntry> {
  try {
    return decode(bytes, key, codec, isStampless)
  } catch {
    return refused('format')
  }
}

/**
 * The same value under a new stamp and with other times or versions, without reading or compressing it again: for
 * `expire`, and for a refresh that found nothing new. Bytes that are not a valid value of this key are refused.
 * @throws CodecError for a change that `encodeValue` would not take either
 */
export function restampValue(
  bytes: Uint8Array,
  change: Partial<ValueFields> & { readonly key: string; readonly stamp: Stamp },
  codec: Codec,
): Uint8Array | RefusedEntry {
  const payload = newPayloadPlace()
  const fields = readWhole(bytes, change.key, codec, payload)
  if (fields.kind === 'refused') return fields
  const content = asBuffer(bytes).subarray(payload.at, payload.at + payload.storedBytes)
  return writeValue({ ...fields, ...change }, { ...payload, content }, codec)
}

/** What an envelope says about its value, without reading the value; `undefined` for anything that is no valid value of this key. */
export function readFields(bytes: Uint8Array, key: string, codec: Codec): ValueFields | undefined {
  const fields = readWhole(bytes, key, codec, newPayloadPlace())
  return fields.kind === 'refused' ? undefined : fields
}

function readWhole(
  bytes: Uint8Array,
  key: string,
  codec: Codec,
  payload: PayloadPlace,
): ReadValue | RefusedEntry {
  try {
    const frame = openFrame(bytes, key, codec)
    if (frame.kind === 'refused') return frame
    return (
      (frame.kind === 'value'
        ? readValue(frame, stampOf(frame.buffer), key, payload)
        : undefined) ?? refused('format')
    )
  } catch {
    return refused('format')
  }
}

function decode(
  bytes: Uint8Array,
  key: string,
  codec: Codec,
  isStampless: boolean,
): DecodedEntry | Promise<DecodedEntry> {
  const frame = openFrame(bytes, key, codec)
  const { kind } = frame
  if (kind === 'refused') return frame
  const { buffer, at, end } = frame
  if (kind === 'value') return decodeValue(frame, isStampless ? '' : stampOf(buffer), key, codec)
  const stamp = stampOf(buffer)
  if (kind === 'version') {
    if (end === at) return { kind, stamp }
    const expiries = readExpiries(buffer, at, end)
    return expiries === undefined ? refused('format') : { kind, stamp, expiries }
  }
  if (end - at !== beatBytes) return refused('format')
  return { kind, stamp, beat: buffer.readUInt32LE(at) }
}

function readExpiries(
  buffer: Buffer,
  start: number,
  end: number,
): readonly Expiry<Stamp>[] | undefined {
  if ((end - start) % expiryBytes !== 0 || end - start > mostExpiries * expiryBytes)
    return undefined
  const expiries: Expiry<Stamp>[] = []
  for (let at = start; at < end; at += expiryBytes) {
    const instant = buffer.readDoubleLE(at + stampBytes)
    if (!Number.isFinite(instant)) return undefined
    expiries.push({ id: buffer.toString('hex', at, at + stampBytes), at: instant })
  }
  return expiries
}

function decodeValue(
  frame: OpenFrame,
  stamp: Stamp,
  key: string,
  codec: Codec,
): DecodedEntry | Promise<DecodedEntry> {
  const read = readValue(frame, stamp, key, place)
  if (read === undefined) return refused('format')
  const { kind, compression, plainBytes, storedBytes, at } = place
  if (plainBytes > maxPayloadBytes) return refused('limit')
  const custom = kind === payloadKind.custom ? codec.serializer : undefined
  if (place.serializerName !== (custom?.name ?? '')) return refused('serializer')
  const { buffer } = frame
  if (compression === compressionCode.none) {
    if (plainBytes !== storedBytes) return refused('format')
    return withValue(read, kind, custom, buffer, at, at + storedBytes)
  }
  if (plainBytes > storedBytes * maxInflation) return refused('limit')
  const plain = decompress(buffer.subarray(at, at + storedBytes), compression, plainBytes)
  const finish = (bytes: Buffer | undefined) =>
    bytes === undefined
      ? refused('compression')
      : withValue(read, kind, custom, bytes, 0, bytes.length)
  return plain instanceof Promise ? plain.then(finish) : finish(plain)
}

/** One for all that are decoded, one after the other: a hit need not make one. */
const place = newPayloadPlace()

function withValue(
  read: ReadValue,
  kind: number,
  custom: Serializer | undefined,
  plain: Buffer,
  start: number,
  end: number,
): DecodedEntry {
  try {
    const value = deserialize(kind, plain, custom, start, end)
    if (value === undefined) return refused('serializer')
    read.value = value
    return read
  } catch (error) {
    return refused(error instanceof OverLimitError ? 'limit' : 'serializer')
  }
}

/** Bytes that stay as they are while another thread compresses them. */
function ownBytes(payload: Payload): Uint8Array {
  if (payload.text !== undefined) return Buffer.from(payload.text)
  return payload.kind === payloadKind.taggedJson ? payload.bytes : Buffer.from(payload.bytes)
}
