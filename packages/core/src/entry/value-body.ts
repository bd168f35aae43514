import { CodecError } from '../errors.ts'
import type { Codec } from './codec.ts'
import { isExactJson } from './exact-json.ts'
import { beginFrame, closeFrame, type OpenFrame } from './frame.ts'
import { type Stamp, writeStamp } from './head.ts'
import { jsonWithinLimits, maxMetadataBytes } from './limits.ts'
import { parseExactJson } from './parse-exact-json.ts'

/**
 * The body of a value: 64 bytes of fixed size, then the serializer's name, versions, metadata and payload.
 *
 *    0  1  kind of payload             4  8  storedAt                 52  4  length of the payload as stored
 *    1  1  compression                12  8  staleAt                  56  4  length of the payload as serialized
 *    2  1  0                          20  8  expiresAt                60  2  length of the metadata
 *    3  1  length of the name of      28  8  staleWhileRevalidateMs   62  2  number of versions
 *          the serializer             36  8  staleIfErrorMs
 *                                     44  8  loadMs
 *
 * Times are IEEE 754 doubles, so that Infinity is Infinity.
 */
const fixedBytes = 64
const stampBytes = 16
const none: readonly VersionMark[] = []

export type JsonValue =
  | string
  | number
  | boolean
  | null
  | readonly JsonValue[]
  | { readonly [name: string]: JsonValue }

/**
 * The version of a tag or namespace that an entry was loaded under, or of a namespace's tag epoch; or, right behind a
 * tag's, its last expiry, if there had been one.
 */
export interface VersionMark {
  readonly scope: VersionScope
  readonly name: string
  readonly stamp: Stamp
}
export type VersionScope = 'tag' | 'namespace' | 'epoch' | 'expiry'

/** Everything that an envelope says about a value, besides the value. */
export interface ValueFields {
  readonly stamp: Stamp
  readonly key: string
  /** Unix milliseconds, as are the other two. `Infinity`: never. */
  readonly storedAt: number
  readonly staleAt: number
  /** The end of all windows. */
  readonly expiresAt: number
  readonly staleWhileRevalidateMs: number
  readonly staleIfErrorMs: number
  /** How long the load took. 0 for a value that was set. */
  readonly loadMs: number
  readonly versions: readonly VersionMark[]
  /** At most 16 KiB of plain JSON. */
  readonly metadata: JsonValue | undefined
}

/** The same for writing, where an entry without tags and metadata need not say so. */
export type WritableFields = Omit<ValueFields, 'versions' | 'metadata'> &
  Partial<Pick<ValueFields, 'versions' | 'metadata'>>

/** A payload in the form in which it is stored. */
export interface StoredPayload {
  readonly kind: number
  readonly compression: number
  readonly serializerName: string
  /** Text becomes UTF-8 on the way into the envelope. */
  readonly content: string | Uint8Array
  readonly storedBytes: number
  /** Before compression. */
  readonly plainBytes: number
}

/** A value as its envelope says it; `value` is `undefined` until its payload has been read. */
export interface ReadValue extends ValueFields {
  readonly kind: 'value'
  value: unknown
  /** Length of the whole envelope. */
  readonly bytes: number
}

/** Where `readValue` leaves where the payload lies and what it is: for whoever asked, until it asks again. */
export interface PayloadPlace {
  kind: number
  compression: number
  serializerName: string
  at: number
  storedBytes: number
  plainBytes: number
}

export function newPayloadPlace(): PayloadPlace {
  return { kind: 0, compression: 0, serializerName: '', at: 0, storedBytes: 0, plainBytes: 0 }
}

const scopes: readonly VersionScope[] = ['tag', 'namespace', 'epoch', 'expiry']

/** @throws CodecError for times that are no numbers, and for tags or metadata beyond the limits. */
export function writeValue(
  fields: WritableFields,
  payload: StoredPayload,
  codec: Codec,
): Uint8Array {
  const versions = fields.versions ?? none
  const metadata = writeMetadata(fields.metadata)
  const nameBytes = Buffer.byteLength(payload.serializerName)
  const metadataBytes = Buffer.byteLength(metadata)
  const bodyBytes =
    fixedBytes + nameBytes + versionBytes(versions) + metadataBytes + payload.storedBytes
  const frame = beginFrame('value', fields.stamp, fields.key, bodyBytes, codec)
  const { buffer } = frame
  let at = frame.at
  buffer[at] = payload.kind
  buffer[at + 1] = payload.compression
  buffer[at + 2] = 0
  buffer[at + 3] = nameBytes
  buffer.writeDoubleLE(checkTime(fields.storedAt), at + 4)
  buffer.writeDoubleLE(checkTime(fields.staleAt), at + 12)
  buffer.writeDoubleLE(checkTime(fields.expiresAt), at + 20)
  buffer.writeDoubleLE(checkTime(fields.staleWhileRevalidateMs), at + 28)
  buffer.writeDoubleLE(checkTime(fields.staleIfErrorMs), at + 36)
  buffer.writeDoubleLE(checkTime(fields.loadMs), at + 44)
  buffer.writeUInt32LE(payload.storedBytes, at + 52)
  buffer.writeUInt32LE(payload.plainBytes, at + 56)
  buffer.writeUInt16LE(metadataBytes, at + 60)
  buffer.writeUInt16LE(versions.length, at + 62)
  at += fixedBytes
  if (nameBytes > 0) at += buffer.write(payload.serializerName, at)
  for (const version of versions) at = writeVersion(buffer, version, at)
  if (metadataBytes > 0) at += buffer.write(metadata, at)
  if (typeof payload.content === 'string') buffer.write(payload.content, at)
  else buffer.set(payload.content, at)
  return closeFrame(frame, codec)
}

/**
 * A view on the memory that the entry read last lies in: those of one answer mostly share it, and what is read through a
 * view costs a tenth of what it costs byte by byte. Large memory is not held on to.
 */
let lastView: DataView = new DataView(new ArrayBuffer(0))
const mostHeldBytes = 128 * 1024

function viewOf({ buffer }: Buffer): DataView {
  if (lastView.buffer === buffer) return lastView
  const view = new DataView(buffer)
  if (view.byteLength <= mostHeldBytes) lastView = view
  return view
}

/** `undefined` where the lengths do not add up to the body, or a field is none that the writer writes. */
export function readValue(
  frame: OpenFrame,
  stamp: Stamp,
  key: string,
  payload: PayloadPlace,
): ReadValue | undefined {
  const { buffer, at: start, end } = frame
  if (end - start < fixedBytes || buffer[start + 2] !== 0) return undefined
  const view = viewOf(buffer)
  const offset = buffer.byteOffset
  const fixed = offset + start
  const storedAt = view.getFloat64(fixed + 4, true)
  const staleAt = view.getFloat64(fixed + 12, true)
  const expiresAt = view.getFloat64(fixed + 20, true)
  const staleWhileRevalidateMs = view.getFloat64(fixed + 28, true)
  const staleIfErrorMs = view.getFloat64(fixed + 36, true)
  const loadMs = view.getFloat64(fixed + 44, true)
  if (
    Number.isNaN(storedAt) ||
    Number.isNaN(staleAt) ||
    Number.isNaN(expiresAt) ||
    Number.isNaN(staleWhileRevalidateMs) ||
    Number.isNaN(staleIfErrorMs) ||
    Number.isNaN(loadMs)
  ) {
    return undefined
  }
  const storedBytes = view.getUint32(fixed + 52, true)
  const metadataBytes = view.getUint16(fixed + 60, true)
  let at = start + fixedBytes
  const nameEnd = at + (buffer[start + 3] as number)
  const serializerName = nameEnd === at ? '' : buffer.toString('utf8', at, nameEnd)
  at = nameEnd
  const count = view.getUint16(fixed + 62, true)
  let versions = sameAsBefore(view, offset + at, end - at, count)
  if (versions === undefined) {
    const read = readVersions(buffer, at, end, count)
    if (read === undefined) return undefined
    versions = read.versions
    at = read.at
  } else at += before.bytes.byteLength
  const payloadAt = at + metadataBytes
  if (payloadAt + storedBytes !== end) return undefined
  payload.kind = buffer[start] as number
  payload.compression = buffer[start + 1] as number
  payload.serializerName = serializerName
  payload.at = payloadAt
  payload.storedBytes = storedBytes
  payload.plainBytes = view.getUint32(fixed + 56, true)
  return {
    kind: 'value',
    stamp,
    key,
    value: undefined,
    storedAt,
    staleAt,
    expiresAt,
    staleWhileRevalidateMs,
    staleIfErrorMs,
    loadMs,
    versions,
    metadata: metadataBytes === 0 ? undefined : readMetadata(buffer.subarray(at, payloadAt)),
    bytes: buffer.length,
  }
}

function readVersions(
  buffer: Buffer,
  start: number,
  end: number,
  count: number,
): { readonly versions: readonly VersionMark[]; readonly at: number } | undefined {
  const versions: VersionMark[] = []
  let at = start
  let hasTags = false
  for (let left = count; left > 0; left--) {
    if (at + 3 > end) return undefined
    const scope = scopes[buffer[at] as number]
    const stampAt = at + 3 + buffer.readUInt16LE(at + 1)
    if (scope === undefined || stampAt + stampBytes > end) return undefined
    hasTags ||= scope === 'tag'
    versions.push({
      scope,
      name: buffer.toString('utf8', at + 3, stampAt),
      stamp: buffer.toString('hex', stampAt, stampAt + stampBytes),
    })
    at = stampAt + stampBytes
  }
  if (!hasTags) before = { bytes: copyOf(buffer, start, at), count, versions }
  return { versions, at }
}

/**
 * The versions that the entry read before this one named. Without tags all entries of a namespace name the same ones,
 * so most are read once, and whoever judges them sees that the list is the same.
 */
let before: {
  readonly bytes: DataView
  readonly count: number
  readonly versions: readonly VersionMark[]
} = { bytes: new DataView(new ArrayBuffer(0)), count: 0, versions: none }

function copyOf(buffer: Buffer, start: number, end: number): DataView {
  return new DataView(new Uint8Array(buffer.subarray(start, end)).buffer)
}

/** `undefined` unless these are the same. Four bytes at a time: it is compared with every hit. */
function sameAsBefore(
  view: DataView,
  start: number,
  length: number,
  count: number,
): readonly VersionMark[] | undefined {
  const { bytes } = before
  const size = bytes.byteLength
  if (count !== before.count || size > length) return undefined
  let index = 0
  for (; index + 4 <= size; index += 4)
    if (view.getInt32(start + index) !== bytes.getInt32(index)) return undefined
  for (; index < size; index++)
    if (view.getUint8(start + index) !== bytes.getUint8(index)) return undefined
  return before.versions
}

function versionBytes(versions: readonly VersionMark[]): number {
  if (versions.length > 0xffff) {
    throw new CodecError(`an entry must have at most 65535 tags; it has ${versions.length}`)
  }
  let bytes = 0
  for (const { name } of versions) bytes += 3 + Buffer.byteLength(name) + stampBytes
  return bytes
}

function writeVersion(buffer: Buffer, version: VersionMark, at: number): number {
  const nameBytes = buffer.write(version.name, at + 3)
  if (nameBytes > 0xffff) {
    throw new CodecError(`a tag must have at most 65535 bytes; it has ${nameBytes}`)
  }
  buffer[at] = scopes.indexOf(version.scope)
  buffer.writeUInt16LE(nameBytes, at + 1)
  return writeStamp(buffer, version.stamp, at + 3 + nameBytes)
}

function checkTime(time: number): number {
  if (!Number.isNaN(time)) return time
  throw new CodecError('the times of an entry must be numbers of milliseconds; one was NaN')
}

function writeMetadata(metadata: JsonValue | undefined): string {
  if (metadata === undefined) return ''
  const text = isExactJson(metadata) ? JSON.stringify(metadata) : undefined
  if (text !== undefined && Buffer.byteLength(text) <= maxMetadataBytes) return text
  throw new CodecError(
    `the metadata of an entry must be plain JSON of at most ${maxMetadataBytes} bytes; it ${text === undefined ? 'was not plain JSON' : `has ${Buffer.byteLength(text)}`}`,
  )
}

/** @throws SyntaxError for anything but JSON within the limits; the caller makes it a refused entry. */
function readMetadata(text: Buffer): JsonValue | undefined {
  const json = text.length > maxMetadataBytes ? undefined : jsonWithinLimits(text)
  if (json === undefined) throw new SyntaxError()
  return parseExactJson(json) as JsonValue
}
