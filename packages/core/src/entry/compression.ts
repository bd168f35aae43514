import * as zlib from 'node:zlib'
import { CodecError } from '../errors.ts'
import { type CompressionAlgorithm, isAvailable } from './compression-algorithm.ts'
import { maxInflation, maxPayloadBytes } from './limits.ts'

/** The numbers stand in envelopes. */
export const compressionCode = { none: 0, gzip: 1, brotli: 2, zstd: 3 } as const

/**
 * Up to here a payload is compressed and decompressed at once, in at most about half a millisecond; above it, on
 * libuv's threads. A trip to a thread costs more than a small payload itself, and it would make every read of one
 * wait for a later turn of the event loop. Measured in docs/decisions/0021-envelope-compression.md.
 */
export const maxSyncBytes = 64 * 1024

interface Algorithm {
  compress(bytes: Uint8Array): Buffer
  decompress(bytes: Uint8Array, maxOutputLength: number): Buffer
  compressLater(bytes: Uint8Array, done: (error: Error | null, result: Buffer) => void): void
  decompressLater(
    bytes: Uint8Array,
    maxOutputLength: number,
    done: (error: Error | null, result: Buffer) => void,
  ): void
}

// One buffer that just fits, instead of many small ones that are then joined. The spare bytes keep zlib from starting
// a second one when the first is exactly full; more output than announced is an error.
const outputOptions = (maxOutputLength: number) => ({
  maxOutputLength,
  chunkSize: maxOutputLength + 64,
})

const gzip: Algorithm = {
  compress: (bytes) => zlib.gzipSync(bytes),
  decompress: (bytes, maxOutputLength) => zlib.gunzipSync(bytes, outputOptions(maxOutputLength)),
  compressLater: (bytes, done) => zlib.gzip(bytes, done),
  decompressLater: (bytes, maxOutputLength, done) =>
    zlib.gunzip(bytes, outputOptions(maxOutputLength), done),
}

// Node's default quality is 11, made for files that are compressed once: about ninety times slower than 4.
const brotliOptions = (bytes: Uint8Array) => ({
  params: {
    [zlib.constants.BROTLI_PARAM_QUALITY]: 4,
    [zlib.constants.BROTLI_PARAM_SIZE_HINT]: bytes.byteLength,
  },
})

const brotli: Algorithm = {
  compress: (bytes) => zlib.brotliCompressSync(bytes, brotliOptions(bytes)),
  decompress: (bytes, maxOutputLength) =>
    zlib.brotliDecompressSync(bytes, outputOptions(maxOutputLength)),
  compressLater: (bytes, done) => zlib.brotliCompress(bytes, brotliOptions(bytes), done),
  decompressLater: (bytes, maxOutputLength, done) =>
    zlib.brotliDecompress(bytes, outputOptions(maxOutputLength), done),
}

// A frame may ask for a window of 128 MiB before it yields a byte; no payload of ours needs more than its own size.
const zstdOptions = (maxOutputLength: number) => ({
  ...outputOptions(maxOutputLength),
  params: { [zlib.constants.ZSTD_d_windowLogMax]: Math.log2(maxPayloadBytes) },
})

const zstd: Algorithm | undefined = isAvailable('zstd')
  ? {
      compress: (bytes) => zlib.zstdCompressSync(bytes),
      decompress: (bytes, maxOutputLength) =>
        zlib.zstdDecompressSync(bytes, zstdOptions(maxOutputLength)),
      compressLater: (bytes, done) => zlib.zstdCompress(bytes, done),
      decompressLater: (bytes, maxOutputLength, done) =>
        zlib.zstdDecompress(bytes, zstdOptions(maxOutputLength), done),
    }
  : undefined

const byCode: readonly (Algorithm | undefined)[] = [undefined, gzip, brotli, zstd]

/**
 * The bytes compressed, or `undefined` where that gains nothing, or so much that a reader would take it for a bomb.
 * Later where it takes long.
 */
export function compress(
  bytes: Uint8Array,
  algorithm: CompressionAlgorithm,
): Buffer | undefined | Promise<Buffer | undefined> {
  const { compress, compressLater } = byCode[compressionCode[algorithm]] as Algorithm
  const worthIt = (packed: Buffer) =>
    packed.length < bytes.byteLength && bytes.byteLength <= packed.length * maxInflation
      ? packed
      : undefined
  if (bytes.byteLength <= maxSyncBytes) return worthIt(compress(bytes))
  return new Promise((resolve, reject) => {
    compressLater(bytes, (error, packed) =>
      error
        ? reject(new CodecError(`${algorithm} could not compress a value`, { cause: error }))
        : resolve(worthIt(packed)),
    )
  })
}

/**
 * The bytes as they were, `undefined` where they cannot be had: an algorithm that this Node lacks, damage, or a
 * length other than the one that was announced. The announced length bounds what is allocated.
 */
export function decompress(
  bytes: Uint8Array,
  code: number,
  announcedBytes: number,
): Buffer | undefined | Promise<Buffer | undefined> {
  const algorithm = byCode[code]
  if (algorithm === undefined) return undefined
  const whole = (plain: Buffer) => (plain.length === announcedBytes ? plain : undefined)
  // zlib refuses a bound of 0, and nothing is compressed to nothing.
  if (announcedBytes === 0) return undefined
  if (announcedBytes <= maxSyncBytes) {
    try {
      return whole(algorithm.decompress(bytes, announcedBytes))
    } catch {
      return undefined
    }
  }
  return new Promise((resolve) => {
    algorithm.decompressLater(bytes, announcedBytes, (error, plain) =>
      resolve(error ? undefined : whole(plain)),
    )
  })
}
