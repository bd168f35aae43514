import { type ByteReader, OutOfBytes } from './byte-reader.ts'
import type { Measured } from './measured.ts'

const signature = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]

export const isPng = (reader: ByteReader): boolean => reader.has(0, signature)

/** PNG (W3C Recommendation, third edition): the size is in IHDR, the end in IEND. */
export function measurePng(reader: ByteReader): Measured | undefined {
  if (reader.u32(8) !== 13 || reader.name(12) !== 'IHDR') return undefined
  const width = reader.u32(16)
  const height = reader.u32(20)
  // More than 31 bits is not allowed, and some readers take it for negative.
  if (width > 0x7fff_ffff || height > 0x7fff_ffff) return undefined
  return { width, height, end: endOfChunks(reader) }
}

function endOfChunks(reader: ByteReader): number | undefined {
  try {
    // Each chunk has at least 12 bytes: length, name and checksum.
    for (let at = 8; at + 12 <= reader.length; ) {
      reader.step()
      const isLast = reader.name(at + 4) === 'IEND'
      at += 12 + reader.u32(at)
      if (isLast) return at <= reader.length ? at : undefined
    }
  } catch (error) {
    if (!(error instanceof OutOfBytes)) throw error
  }
  return undefined
}
