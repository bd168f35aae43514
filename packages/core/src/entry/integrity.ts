import { createHmac, type KeyObject, timingSafeEqual } from 'node:crypto'
import { crc32 } from 'node:zlib'

/**
 * The seal at the end of an envelope, over every byte before it, head included: a CRC-32 against damage, or, with
 * `codec.integrity`, an HMAC-SHA-256 (RFC 2104) against anyone who can write to the store but has no key.
 */
export interface Integrity {
  /** The key that writes. */
  readonly writer: IntegrityKey
  /** All keys, by id; each of them reads. */
  readonly keys: ReadonlyMap<string, IntegrityKey>
}

export interface IntegrityKey {
  readonly id: Uint8Array
  readonly secret: KeyObject
}

/** The numbers stand in envelopes. */
export const sealCode = { crc32: 0, hmacSha256: 1 } as const

const checksumBytes = 4
const macBytes = 32

export function sealBytes(isMac: boolean): number {
  return isMac ? macBytes : checksumBytes
}

/** Fills in the last bytes of an otherwise finished envelope. */
export function writeSeal(envelope: Buffer, integrity: Integrity | undefined): void {
  if (integrity === undefined) {
    const end = envelope.length - checksumBytes
    envelope.writeUInt32LE(crc32(envelope.subarray(0, end)), end)
  } else {
    const end = envelope.length - macBytes
    mac(envelope.subarray(0, end), integrity.writer).copy(envelope, end)
  }
}

/** What the CRC-32 of anything is with its own CRC-32 behind it, lowest byte first: so no view without it has to be made. */
const residue = 0x2144_df1c

export function hasValidChecksum(envelope: Buffer): boolean {
  return envelope.length >= checksumBytes && crc32(envelope) === residue
}

export function hasValidMac(envelope: Buffer, key: IntegrityKey): boolean {
  const end = envelope.length - macBytes
  return end >= 0 && timingSafeEqual(mac(envelope.subarray(0, end), key), envelope.subarray(end))
}

function mac(bytes: Buffer, key: IntegrityKey): Buffer {
  return createHmac('sha256', key.secret).update(bytes).digest()
}
