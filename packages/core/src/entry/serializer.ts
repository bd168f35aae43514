import { CodecError } from '../errors.ts'
import {
  type BinaryType,
  binaryTypeNamed,
  hasMoreThanBytes,
  restoreBinary,
} from './binary-types.ts'
import { isExactJson } from './exact-json.ts'
import { jsonWithinLimits, maxPayloadBytes } from './limits.ts'
import { parseExactJson } from './parse-exact-json.ts'
import { readTaggedJson } from './read-tagged-json.ts'
import { utf8Text } from './utf8-text.ts'
import { writeTaggedJson } from './write-tagged-json.ts'

/**
 * A serializer of your own, in place of the built-in one, for values of your own classes. It owes what the built-in
 * one gives: what it returns equals what it was given, or it throws. Both methods are synchronous.
 */
export interface Serializer {
  /** Kept in every envelope: an entry written under another name is a miss. Change it when the format changes. 1 to 64 bytes of UTF-8. */
  readonly name: string
  serialize(value: unknown): Uint8Array
  /** May throw: the entry is then a miss. The bytes are valid only during the call; copy what you keep. */
  deserialize(bytes: Uint8Array): unknown
}

/** How a payload says its value. The numbers stand in envelopes. */
export const payloadKind = {
  bytes: 0,
  buffer: 1,
  text: 2,
  json: 3,
  taggedJson: 4,
  custom: 5,
} as const
export type PayloadKind = (typeof payloadKind)[keyof typeof payloadKind]

/** A value as text that is yet to become UTF-8, or as bytes. */
export type Payload =
  | { readonly kind: PayloadKind; readonly text: string }
  | { readonly kind: PayloadKind; readonly text?: never; readonly bytes: Uint8Array }

/** @throws CodecError for a value that would not come back as it is. */
export function serialize(value: unknown, custom: Serializer | undefined): Payload {
  if (value === undefined) {
    throw new CodecError('undefined is no value: it stands for a miss and is never stored')
  }
  if (custom !== undefined) return serializeCustom(value, custom)
  if (typeof value === 'string' && value.length <= maxPayloadBytes && value.isWellFormed()) {
    return { kind: payloadKind.text, text: value }
  }
  if (value instanceof Uint8Array) {
    const bytes = bareBytes(value)
    if (bytes !== undefined) return bytes
  }
  return isJson(value) ? serializeJson(value) : serializeTagged(value)
}

/**
 * The value whose payload lies from `start` to before `end`.
 * @throws whatever is wrong with it; the caller makes it a refused entry.
 */
export function deserialize(
  kind: number,
  bytes: Buffer,
  custom: Serializer | undefined,
  start = 0,
  end = bytes.length,
): unknown {
  // Text needs no view of its bytes.
  if (kind === payloadKind.json) return parseExactJson(limitedJson(bytes, start, end))
  if (kind === payloadKind.text) return utf8Text(bytes, start, end)
  return deserializeBytes(kind, bytes.subarray(start, end), custom)
}

function deserializeBytes(kind: number, payload: Buffer, custom: Serializer | undefined): unknown {
  switch (kind) {
    case payloadKind.bytes:
      return restoreBinary(bytesType, payload)
    case payloadKind.buffer:
      return restoreBinary(bufferType, payload)
    case payloadKind.taggedJson: {
      const jsonBytes = payload.readUInt32LE(0)
      const end = 4 + jsonBytes
      if (end > payload.length) throw new RangeError('the text is longer than the payload')
      return readTaggedJson(limitedJson(payload, 4, end), payload.subarray(end))
    }
    case payloadKind.custom:
      if (custom === undefined) throw new Error('no serializer of that name is set')
      return custom.deserialize(payload)
    default:
      throw new Error('an unknown kind of payload')
  }
}

/** A JSON text that is over the limits. */
export class OverLimitError extends Error {}

function limitedJson(bytes: Buffer, start: number, end: number): string {
  const text = jsonWithinLimits(bytes, start, end)
  if (text === undefined) throw new OverLimitError()
  return text
}

const bytesType = binaryTypeNamed('u1') as BinaryType
const bufferType = binaryTypeNamed('buffer') as BinaryType

/** The bytes of a Uint8Array or Buffer that is nothing more than that. */
function bareBytes(value: Uint8Array): Payload | undefined {
  const prototype: unknown = Object.getPrototypeOf(value)
  for (const [kind, type] of [
    [payloadKind.buffer, bufferType],
    [payloadKind.bytes, bytesType],
  ] as const) {
    if (prototype !== type.prototype) continue
    return hasMoreThanBytes(value, type) || !(value.buffer instanceof ArrayBuffer)
      ? undefined
      : { kind, bytes: value }
  }
  return undefined
}

function isJson(value: unknown): boolean {
  try {
    return isExactJson(value)
  } catch {
    // A getter threw; the other writer finds out which.
    return false
  }
}

function serializeJson(value: unknown): Payload {
  try {
    return { kind: payloadKind.json, text: JSON.stringify(value) }
  } catch (cause) {
    throw new CodecError('a value for the far tier is too large to be written as JSON', { cause })
  }
}

function serializeTagged(value: unknown): Payload {
  const { json, attachments } = writeTaggedJson(value)
  const jsonBytes = Buffer.byteLength(json)
  let size = 4 + jsonBytes
  for (const attachment of attachments) size += attachment.byteLength
  const bytes = Buffer.allocUnsafe(size)
  bytes.writeUInt32LE(jsonBytes, 0)
  let at = 4 + bytes.write(json, 4)
  for (const attachment of attachments) {
    bytes.set(attachment, at)
    at += attachment.byteLength
  }
  return { kind: payloadKind.taggedJson, bytes }
}

function serializeCustom(value: unknown, custom: Serializer): Payload {
  let bytes: unknown
  try {
    bytes = custom.serialize(value)
  } catch (cause) {
    throw new CodecError(`codec.serializer '${custom.name}' threw while it wrote a value`, {
      cause,
    })
  }
  if (bytes instanceof Uint8Array) return { kind: payloadKind.custom, bytes }
  throw new CodecError(
    `codec.serializer '${custom.name}' must return a Uint8Array from serialize(); it returned ${bytes === null ? 'null' : typeof bytes}`,
  )
}
