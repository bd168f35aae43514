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
import { type Stamp, writeStamp } from './head.ts'
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
  readValue,
  type StoredPayload,
  storedPayload,
  type ValueBody,
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

export interface DecodedValue extends ValueFields {
  readonly kind: 'value'
  readonly value: unknown
  /** Length of the whole envelope. */
  readonly bytes: number
}

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
 * decompressed. Never throws and never rejects.
 */
export function decodeEntry(
  bytes: Uint8Array,
  key: string,
  codec: Codec,
): DecodedEntry | Promise<DecodedEntry> {
  try {
    return decode(bytes, key, codec)
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
  const read = readBody(bytes, change.key, codec)
  if ('kind' in read) return read
  const { frame, body } = read
  return writeValue({ ...body, ...change }, storedPayload(frame, body), codec)
}

/** What an envelope says about its value, without reading the value; `undefined` for anything that is no valid value of this key. */
export function readFields(bytes: Uint8Array, key: string, codec: Codec): ValueFields | undefined {
  const read = readBody(bytes, key, codec)
  return 'kind' in read ? undefined : read.body
}

function readBody(
  bytes: Uint8Array,
  key: string,
  codec: Codec,
): { readonly frame: OpenFrame; readonly body: ValueBody } | RefusedEntry {
  try {
    const frame = openFrame(bytes, key, codec)
    if (frame.kind === 'refused') return frame
    const body = frame.kind === 'value' ? readValue(frame, key) : undefined
    return body === undefined ? refused('format') : { frame, body }
  } catch {
    return refused('format')
  }
}

function decode(
  bytes: Uint8Array,
  key: string,
  codec: Codec,
): DecodedEntry | Promise<DecodedEntry> {
  const frame = openFrame(bytes, key, codec)
  const { kind } = frame
  if (kind === 'refused') return frame
  const { stamp, buffer, at, end } = frame
  if (kind === 'value') return decodeValue(frame, key, codec)
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
  key: string,
  codec: Codec,
): DecodedEntry | Promise<DecodedEntry> {
  const body = readValue(frame, key)
  if (body === undefined) return refused('format')
  const { plainBytes, storedBytes, compression, payloadAt } = body
  if (plainBytes > maxPayloadBytes) return refused('limit')
  const custom = body.payloadKind === payloadKind.custom ? codec.serializer : undefined
  if (body.serializerName !== (custom?.name ?? '')) return refused('serializer')
  const { buffer } = frame
  if (compression === compressionCode.none) {
    if (plainBytes !== storedBytes) return refused('format')
    return decodePayload(body, custom, buffer.length, buffer, payloadAt, payloadAt + storedBytes)
  }
  if (plainBytes > storedBytes * maxInflation) return refused('limit')
  const content = buffer.subarray(payloadAt, payloadAt + storedBytes)
  const plain = decompress(content, compression, plainBytes)
  const finish = (bytes: Buffer | undefined) =>
    bytes === undefined
      ? refused('compression')
      : decodePayload(body, custom, buffer.length, bytes, 0, bytes.length)
  return plain instanceof Promise ? plain.then(finish) : finish(plain)
}

function decodePayload(
  body: ValueBody,
  custom: Serializer | undefined,
  bytes: number,
  plain: Buffer,
  start: number,
  end: number,
): DecodedEntry {
  try {
    const value = deserialize(body.payloadKind, plain, custom, start, end)
    if (value === undefined) return refused('serializer')
    // Named one by one: spreading them would cost more than reading them did.
    return {
      kind: 'value',
      stamp: body.stamp,
      key: body.key,
      value,
      storedAt: body.storedAt,
      staleAt: body.staleAt,
      expiresAt: body.expiresAt,
      staleWhileRevalidateMs: body.staleWhileRevalidateMs,
      staleIfErrorMs: body.staleIfErrorMs,
      loadMs: body.loadMs,
      versions: body.versions,
      metadata: body.metadata,
      bytes,
    }
  } catch (error) {
    return refused(error instanceof OverLimitError ? 'limit' : 'serializer')
  }
}

/** Bytes that stay as they are while another thread compresses them. */
function ownBytes(payload: Payload): Uint8Array {
  if (payload.text !== undefined) return Buffer.from(payload.text)
  return payload.kind === payloadKind.taggedJson ? payload.bytes : Buffer.from(payload.bytes)
}
