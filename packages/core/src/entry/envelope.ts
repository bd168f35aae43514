import { CodecError } from '../errors.ts'
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
import type { Stamp } from './head.ts'
import { maxInflation, maxPayloadBytes } from './limits.ts'
import { deserialize, OverLimitError, type Payload, payloadKind, serialize } from './serializer.ts'
import {
  readValue,
  type StoredPayload,
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
  | { readonly kind: 'version'; readonly stamp: Stamp }
  | RefusedEntry

const beatBytes = 4

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

export function encodeVersion(version: Version, codec: Codec): Uint8Array {
  return closeFrame(beginFrame('version', version.stamp, version.key, 0, codec), codec)
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
  const body = readBody(bytes, change.key, codec)
  return 'fields' in body ? writeValue({ ...body.fields, ...change }, body.payload, codec) : body
}

/** What an envelope says about its value, without reading the value; `undefined` for anything that is no valid value of this key. */
export function readFields(bytes: Uint8Array, key: string, codec: Codec): ValueFields | undefined {
  const body = readBody(bytes, key, codec)
  return 'fields' in body ? body.fields : undefined
}

function readBody(bytes: Uint8Array, key: string, codec: Codec): ValueBody | RefusedEntry {
  try {
    const frame = openFrame(bytes, key, codec)
    if (frame.kind === 'refused') return frame
    return (frame.kind === 'value' ? readValue(frame, key) : undefined) ?? refused('format')
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
  if (kind === 'version') return end === at ? { kind, stamp } : refused('format')
  if (end - at !== beatBytes) return refused('format')
  return { kind, stamp, beat: buffer.readUInt32LE(at) }
}

function decodeValue(
  frame: OpenFrame,
  key: string,
  codec: Codec,
): DecodedEntry | Promise<DecodedEntry> {
  const body = readValue(frame, key)
  if (body === undefined) return refused('format')
  const { fields, payload } = body
  const { plainBytes, storedBytes, compression, content } = payload
  if (plainBytes > maxPayloadBytes) return refused('limit')
  const custom = payload.kind === payloadKind.custom ? codec.serializer : undefined
  if (payload.serializerName !== (custom?.name ?? '')) return refused('serializer')
  const finish = (plain: Buffer | undefined): DecodedEntry => {
    if (plain === undefined) return refused('compression')
    try {
      const value = deserialize(payload.kind, plain, custom)
      if (value === undefined) return refused('serializer')
      // Named one by one: spreading them would cost more than reading them did.
      return {
        kind: 'value',
        stamp: fields.stamp,
        key,
        value,
        storedAt: fields.storedAt,
        staleAt: fields.staleAt,
        expiresAt: fields.expiresAt,
        staleWhileRevalidateMs: fields.staleWhileRevalidateMs,
        staleIfErrorMs: fields.staleIfErrorMs,
        loadMs: fields.loadMs,
        versions: fields.versions,
        metadata: fields.metadata,
        bytes: frame.buffer.length,
      }
    } catch (error) {
      return refused(error instanceof OverLimitError ? 'limit' : 'serializer')
    }
  }
  if (compression === compressionCode.none) {
    return plainBytes === storedBytes ? finish(content) : refused('format')
  }
  if (plainBytes > storedBytes * maxInflation) return refused('limit')
  const plain = decompress(content, compression, plainBytes)
  return plain instanceof Promise ? plain.then(finish) : finish(plain)
}

/** Bytes that stay as they are while another thread compresses them. */
function ownBytes(payload: Payload): Uint8Array {
  if (payload.text !== undefined) return Buffer.from(payload.text)
  return payload.kind === payloadKind.taggedJson ? payload.bytes : Buffer.from(payload.bytes)
}
