import { createHash } from 'node:crypto'

/** The longest key of any Memcached protocol (doc/protocol.txt, "Keys"). */
const maxKeyBytes = 250

/** Most keys: what may stand in every protocol, each character a byte. */
const plain = /^[!-~]{1,250}$/
/** What a protocol would cut a key at: blanks, control characters, DEL. */
const illegal = /[\0- \x7f]/

/** Keys that this adapter makes itself begin so; a caller's key that does is kept under its digest. */
const reserved = '~hf:'

/** A key as a server takes it: 1 to 250 bytes, without blanks and control characters. */
export interface WireKey {
  /** Each character stands for one byte of UTF-8, which for ASCII is the key itself. */
  readonly key: string
  /** The full key where `key` is only its digest: it is stored with the value, and compared on read. */
  readonly full: Uint8Array | undefined
}

/**
 * The key as it is, so that other clients find it, or else its SHA-256. The two never meet: what looks like a digest
 * is digested itself.
 */
export function wireKey(key: string): WireKey {
  if (plain.test(key) && !key.startsWith(reserved)) return { key, full: undefined }
  const full = Buffer.from(key)
  const isLegal = full.length >= 1 && full.length <= maxKeyBytes && !illegal.test(key)
  if (isLegal && !key.startsWith(reserved)) {
    return { key: full.toString('latin1'), full: undefined }
  }
  return { key: `${reserved}h:${createHash('sha256').update(full).digest('base64url')}`, full }
}

/** Where one part of a large value lies. `set` is drawn anew for each write, so parts of two writes never mix. */
export function chunkKey(set: string, index: number): string {
  return `${reserved}c:${set}:${index}`
}
