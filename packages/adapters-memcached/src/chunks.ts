import { chunkKey } from './memcached-key.ts'

/**
 * How a value lies in the items of a server. Client flags say so, since any bytes may be a value:
 *
 *     plain        value
 *     keyed        value, key, key length (4 bytes)                        under the digest of the key
 *     chunked      start of the value, set (16), length of the value (4), of a chunk (4)
 *     both         start of the value, set, length of the value, of a chunk, key, key length
 *
 * The rest of a chunked value lies in items of its own. Whatever is added stands at the end, so the clear head of a
 * value is the head of its item.
 */
const marks = 0x4846_0000
const marksMask = 0xffff_0000
const keyedFlag = 1
const chunkedFlag = 2

const setBytes = 16
const chunkTrailerBytes = setBytes + 8
const keyTrailerBytes = 4

/** What an item needs besides its value: the server's own header and the longest key, with room for later versions. */
const itemOverheadBytes = 512

/** The largest value of an item, where items take `itemBytes` with all they need. */
export const payloadLimit = (itemBytes: number) => itemBytes - itemOverheadBytes

/** The most items besides its own that a value lies in: a reader believes no more. */
export const maxChunks = 4_096

/** The largest value that can lie in items of this size: of so many of them, and of a length in 32 bits. */
export const largestValue = (itemBytes: number) =>
  Math.min(maxChunks * payloadLimit(itemBytes), 0xffff_ffff)

/** One item of a value. */
export interface Packed {
  readonly bytes: Uint8Array
  readonly flags: number
  /** The rest, to be stored before the item itself: a reader that finds the one finds the others. */
  readonly chunks: readonly { readonly key: string; readonly bytes: Uint8Array }[]
}

/** What an item says. */
export interface Unpacked {
  /** The value, or where there are chunks its start. */
  readonly start: Uint8Array
  readonly valueBytes: number
  /** Where the rest lies. */
  readonly rest: { readonly keys: readonly string[] } | undefined
}

/** @param newSet 16 random bytes. */
export function pack(
  value: Uint8Array,
  full: Uint8Array | undefined,
  limit: number,
  newSet: () => Uint8Array,
): Packed {
  const keyBytes = full === undefined ? 0 : full.byteLength + keyTrailerBytes
  if (value.byteLength + keyBytes <= limit) {
    if (full === undefined) return { bytes: value, flags: 0, chunks: [] }
    return { bytes: Buffer.concat([value, keyTrailer(full)]), flags: marks | keyedFlag, chunks: [] }
  }
  const set = newSet()
  const startBytes = limit - keyBytes - chunkTrailerBytes
  const name = Buffer.from(set).toString('base64url')
  const chunks: { key: string; bytes: Uint8Array }[] = []
  for (let at = startBytes; at < value.byteLength; at += limit) {
    chunks.push({ key: chunkKey(name, chunks.length), bytes: value.subarray(at, at + limit) })
  }
  const lengths = Buffer.alloc(8)
  lengths.writeUInt32BE(value.byteLength)
  lengths.writeUInt32BE(limit, 4)
  const parts = [value.subarray(0, startBytes), set, lengths]
  if (full !== undefined) parts.push(keyTrailer(full))
  const keyed = full === undefined ? 0 : keyedFlag
  return { bytes: Buffer.concat(parts), flags: marks | chunkedFlag | keyed, chunks }
}

/** What stands in an item, or `undefined` where it is another key's or makes no sense. */
export function unpack(
  bytes: Uint8Array,
  flags: number,
  full: Uint8Array | undefined,
): Unpacked | undefined {
  const isOurs = (flags & marksMask) === marks
  const isKeyed = isOurs && (flags & keyedFlag) !== 0
  if (isKeyed !== (full !== undefined)) return undefined
  let end = bytes.byteLength
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, end)
  if (full !== undefined) {
    if (end < keyTrailerBytes) return undefined
    const length = view.readUInt32BE(end - keyTrailerBytes)
    end -= keyTrailerBytes + length
    if (end < 0 || view.subarray(end, end + length).compare(full) !== 0) return undefined
  }
  if (!isOurs || (flags & chunkedFlag) === 0) {
    return { start: bytes.subarray(0, end), valueBytes: end, rest: undefined }
  }
  end -= chunkTrailerBytes
  if (end < 0) return undefined
  const valueBytes = view.readUInt32BE(end + setBytes)
  const name = view.subarray(end, end + setBytes).toString('base64url')
  const count = Math.ceil((valueBytes - end) / view.readUInt32BE(end + setBytes + 4))
  // Lengths that no writer would have written.
  if (!(count >= 1 && count <= maxChunks)) return undefined
  const keys = Array.from({ length: count }, (_, index) => chunkKey(name, index))
  return { start: bytes.subarray(0, end), valueBytes, rest: { keys } }
}

/** A value is whole, or it is not there. */
export function join(
  { start, valueBytes }: Unpacked,
  rest: readonly (Uint8Array | undefined)[],
): Uint8Array | undefined {
  const parts = [start]
  let length = start.byteLength
  for (const part of rest) {
    if (part === undefined) return undefined
    parts.push(part)
    length += part.byteLength
  }
  return length === valueBytes ? Buffer.concat(parts, length) : undefined
}

function keyTrailer(full: Uint8Array): Buffer {
  const length = Buffer.alloc(keyTrailerBytes)
  length.writeUInt32BE(full.byteLength)
  return Buffer.concat([full, length])
}
