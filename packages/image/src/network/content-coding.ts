import type { Transform } from 'node:stream'
import * as zlib from 'node:zlib'
import { ImageError } from '../image-error.ts'

const chunkSize = 64 * 1024

/** zstd came to Node with 22.15. */
const zstd: (() => Transform) | undefined = (
  zlib as { createZstdDecompress?: (options: object) => Transform }
).createZstdDecompress?.bind(zlib, { chunkSize })

/**
 * What undoes a Content-Encoding; `undefined` where there is nothing to undo. One coding at most: chains are what bombs
 * are made of, and no image server needs them.
 * @throws ImageError `encoding`
 */
export function decoderFor(contentEncoding: string | null): (() => Transform) | undefined {
  const coding = (contentEncoding ?? '').trim().toLowerCase()
  switch (coding) {
    case '':
    case 'identity':
      return undefined
    case 'gzip':
    case 'x-gzip':
      return () => zlib.createGunzip({ chunkSize })
    // By the book it is in a zlib wrapper (RFC 9110, 8.4.1.2); some servers leave that off.
    case 'deflate':
      return () => zlib.createInflate({ chunkSize })
    case 'br':
      return () => zlib.createBrotliDecompress({ chunkSize })
    case 'zstd':
      if (zstd !== undefined) return zstd
  }
  throw new ImageError(
    'encoding',
    `expected at most one of gzip, deflate, br${zstd === undefined ? '' : ' and zstd'} as Content-Encoding`,
  )
}

/** Deflate without its wrapper, for who announces `deflate` and sends that. */
export const rawInflate = (): Transform => zlib.createInflateRaw({ chunkSize })

/** Whether bytes begin as zlib's wrapper does (RFC 1950, 2.2). */
export function hasZlibHeader(bytes: Uint8Array): boolean {
  const [method = 0, flags] = bytes
  // One byte alone tells nothing against it.
  if (flags === undefined) return true
  return (method & 0x0f) === 8 && (method * 256 + flags) % 31 === 0
}
