import * as zlib from 'node:zlib'

/** `zstd` needs a Node that has it in node:zlib: 22.15, 23.8 or later. */
export type CompressionAlgorithm = 'gzip' | 'brotli' | 'zstd'

/** Whether this Node can do it. */
export function isAvailable(algorithm: CompressionAlgorithm): boolean {
  return algorithm !== 'zstd' || typeof zlib.zstdCompressSync === 'function'
}
