import { ByteWiseHash } from './key-hash.ts'

const crc32Table = Int32Array.from({ length: 256 }, (_, byte) => {
  let value = byte
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1
  return value
})

const crc16Table = Int32Array.from({ length: 256 }, (_, byte) => {
  let value = byte << 8
  for (let bit = 0; bit < 8; bit++) value = value & 0x8000 ? (value << 1) ^ 0x1021 : value << 1
  return value & 0xffff
})

function crc32Of(key: Uint8Array, start: number, end: number): number {
  let crc = -1
  for (let i = start; i < end; i++) crc = (crc >>> 8) ^ crc32Table[(crc ^ key[i]!) & 0xff]!
  return ~crc
}

/** The ordinary CRC-32 (ISO 3309, zlib), which twemproxy calls `crc32a`. */
export class Crc32a extends ByteWiseHash {
  override bytes(key: Uint8Array, start: number, end: number): number {
    return crc32Of(key, start, end)
  }
}

/**
 * The 15 bits of the CRC-32 that libmemcached, and twemproxy's `crc32`, keep. A ketama ring spans 32 bits, so with
 * it nearly all keys fall on one server; with modula it is usable.
 */
export class Crc32 extends ByteWiseHash {
  override bytes(key: Uint8Array, start: number, end: number): number {
    return (crc32Of(key, start, end) >>> 16) & 0x7fff
  }
}

/**
 * CRC-16/XMODEM in a 32-bit register that is never masked, so the high 16 bits hold what was shifted out.
 * Source: measured on nutcracker 0.5.0.
 */
export class Crc16 extends ByteWiseHash {
  override bytes(key: Uint8Array, start: number, end: number): number {
    let crc = 0
    for (let i = start; i < end; i++) crc = (crc << 8) ^ crc16Table[((crc >>> 8) ^ key[i]!) & 0xff]!
    return crc
  }
}
