import type { ByteReader } from './byte-reader.ts'
import { OutOfBytes } from './byte-reader.ts'
import type { Measured } from './measured.ts'

interface Size {
  readonly width: number
  readonly height: number
}

export const isWebp = (reader: ByteReader): boolean =>
  reader.has(0, [0x52, 0x49, 0x46, 0x46]) && reader.has(8, [0x57, 0x45, 0x42, 0x50])

/**
 * WebP (RFC 9649): the size is in the first chunk, which is the picture itself or, in the extended format, the canvas;
 * the end is that of the RIFF container.
 */
export function measureWebp(reader: ByteReader): Measured | undefined {
  const size = sizeIn(reader, 12)
  if (size === undefined) return undefined
  const containerEnd = 8 + reader.u32le(4)
  const end = containerEnd <= reader.length ? containerEnd : undefined
  const { largest, pictures } = inside(reader, Math.min(containerEnd, reader.length), size)
  // A container that is whole and holds no picture is no image.
  if (end !== undefined && pictures === 0) return undefined
  return { ...size, largest, end }
}

/** The size that the chunk at `at` declares; `undefined` for chunks that declare none. */
function sizeIn(reader: ByteReader, at: number): Size | undefined {
  const data = at + 8
  switch (reader.name(at)) {
    case 'VP8 ':
      if ((reader.u8(data) & 1) !== 0 || !reader.has(data + 3, [0x9d, 0x01, 0x2a])) return undefined
      return {
        width: reader.u16le(data + 6) & 0x3fff,
        height: reader.u16le(data + 8) & 0x3fff,
      }
    case 'VP8L': {
      if (reader.u8(data) !== 0x2f) return undefined
      const bits = reader.u32le(data + 1)
      return { width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1 }
    }
    case 'VP8X':
      return { width: reader.u24le(data + 4) + 1, height: reader.u24le(data + 7) + 1 }
    case 'ANMF':
      return { width: reader.u24le(data + 6) + 1, height: reader.u24le(data + 9) + 1 }
  }
  return undefined
}

/** Pictures that a canvas holds may claim to be larger than it is. */
function inside(reader: ByteReader, end: number, canvas: Size) {
  let { width, height } = canvas
  let pictures = 0
  try {
    for (let at = 12; at + 8 <= end; ) {
      reader.step(10)
      const size = sizeIn(reader, at)
      if (size !== undefined && reader.name(at) !== 'VP8X') pictures++
      width = Math.max(width, size?.width ?? 0)
      height = Math.max(height, size?.height ?? 0)
      const length = reader.u32le(at + 4)
      // Chunks are padded to an even length.
      at += 8 + length + (length % 2)
    }
  } catch (error) {
    if (!(error instanceof OutOfBytes)) throw error
  }
  return { largest: { width, height }, pictures }
}
