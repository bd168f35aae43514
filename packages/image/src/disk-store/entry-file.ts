import { createCipheriv, createSecretKey } from 'node:crypto'

/**
 * What a file of the disk store holds. Everything behind the digest is what the digest is of, so a cut, an extension
 * and one flipped bit are told from an entry, and so is an entry that stands under the name of another.
 *
 *    0   4  magic                        20  8  expiresAt, Unix ms as a double; Infinity: never
 *    4  16  digest of all that follows   28  4  length of the key
 *                                        32  …  the key in UTF-8, then the bytes
 *
 * The digest is GHASH, the hash of AES-GCM (NIST SP 800-38D), as GMAC has it: 128 bits, and a twelfth of the time that
 * SHA-256 takes, since processors have an instruction for it. Its key is no secret. Like any digest that everybody can
 * compute it tells damage and not intent; against who writes to the folder on purpose there is `encryptedStore`.
 */
const magic = Buffer.from('HFD2', 'latin1')
const digestAt = 4
const signedAt = 20
const keyLengthAt = 28
export const headBytes = 32

const digestKey = createSecretKey(Buffer.from('holdfast disk v2', 'latin1'))
const digestNonce = Buffer.alloc(12)

export type EntryFile =
  | { readonly state: 'live'; readonly bytes: Uint8Array; readonly expiresAt: number }
  /** Undamaged, but past its end. */
  | { readonly state: 'over' }
  | { readonly state: 'damaged' }

export function encodeEntryFile(key: Uint8Array, bytes: Uint8Array, expiresAt: number): Buffer {
  const file = Buffer.allocUnsafe(headBytes + key.byteLength + bytes.byteLength)
  file.set(magic)
  file.writeDoubleLE(expiresAt, signedAt)
  file.writeUInt32LE(key.byteLength, keyLengthAt)
  file.set(key, headBytes)
  file.set(bytes, headBytes + key.byteLength)
  file.set(digestOf(file), digestAt)
  return file
}

/** The bytes are a view into `file`. */
export function decodeEntryFile(file: Buffer, key: Uint8Array, now: number): EntryFile {
  const bytesAt = headBytes + key.byteLength
  if (
    file.length < bytesAt ||
    !file.subarray(0, magic.length).equals(magic) ||
    file.readUInt32LE(keyLengthAt) !== key.byteLength ||
    !file.subarray(headBytes, bytesAt).equals(key) ||
    !file.subarray(digestAt, signedAt).equals(digestOf(file))
  ) {
    return { state: 'damaged' }
  }
  const expiresAt = file.readDoubleLE(signedAt)
  // Written so that NaN, which no writer writes, is no life without an end.
  if (!(expiresAt > now)) return { state: 'over' }
  return { state: 'live', bytes: file.subarray(bytesAt), expiresAt }
}

/** The key that the head of a file names, and its end; for tools that walk the folder, so nothing else is checked. */
export function readHead(
  head: Buffer,
): { readonly key: string; readonly expiresAt: number } | undefined {
  if (head.length < headBytes || !head.subarray(0, magic.length).equals(magic)) return undefined
  const keyEnd = headBytes + head.readUInt32LE(keyLengthAt)
  if (keyEnd > head.length) return undefined
  return { key: head.toString('utf8', headBytes, keyEnd), expiresAt: head.readDoubleLE(signedAt) }
}

function digestOf(file: Buffer): Buffer {
  const gmac = createCipheriv('aes-128-gcm', digestKey, digestNonce)
  gmac.setAAD(file.subarray(signedAt)).final()
  return gmac.getAuthTag()
}
