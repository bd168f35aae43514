import type { ByteReader } from './byte-reader.ts'
import { OutOfBytes } from './byte-reader.ts'
import type { Measured } from './measured.ts'

export const isGif = (reader: ByteReader): boolean =>
  reader.has(0, [0x47, 0x49, 0x46, 0x38]) &&
  (reader.bytes[4] === 0x37 || reader.bytes[4] === 0x39) &&
  reader.bytes[5] === 0x61

/** GIF89a (CompuServe, 1990): the size is that of the logical screen, the end the trailer after the last block. */
export function measureGif(reader: ByteReader): Measured {
  const width = reader.u16le(6)
  const height = reader.u16le(8)
  const largest = { width, height }
  let end: number | undefined
  try {
    end = walk(reader, 13 + colorTableBytes(reader.u8(10)), largest)
  } catch (error) {
    if (!(error instanceof OutOfBytes)) throw error
  }
  return { width, height, largest, end }
}

/** @throws OutOfBytes where the file ends before its trailer */
function walk(
  reader: ByteReader,
  start: number,
  largest: { width: number; height: number },
): number | undefined {
  for (let at = start; ; ) {
    reader.step()
    const introducer = reader.u8(at)
    if (introducer === 0x3b) return at + 1
    if (introducer === 0x21) {
      at = afterSubBlocks(reader, at + 2)
    } else if (introducer === 0x2c) {
      // Decoders differ in what they do with a frame that is larger than the screen; some make room for it.
      largest.width = Math.max(largest.width, reader.u16le(at + 5))
      largest.height = Math.max(largest.height, reader.u16le(at + 7))
      at = afterSubBlocks(reader, at + 11 + colorTableBytes(reader.u8(at + 9)))
    } else {
      return undefined
    }
  }
}

function colorTableBytes(packed: number): number {
  return (packed & 0x80) === 0 ? 0 : 3 * 2 ** ((packed & 0x07) + 1)
}

function afterSubBlocks(reader: ByteReader, start: number): number {
  let at = start
  for (let size = reader.u8(at); size !== 0; size = reader.u8(at)) {
    reader.step()
    at += size + 1
  }
  return at + 1
}
