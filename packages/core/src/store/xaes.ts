import { createCipheriv, createDecipheriv } from 'node:crypto'

/**
 * XAES-256-GCM (https://c2sp.org/XAES-256-GCM): AES-256-GCM under a key of its own for every message, which the first
 * half of a 192-bit nonce derives from the secret by AES-CMAC (NIST SP 800-108r1, counter mode).
 *
 * Plain AES-256-GCM takes 2^32 random 96-bit nonces from one key (NIST SP 800-38D, 8.3), which a busy cache uses up
 * within days, and the first one that repeats gives the key of its authentication away. 192 bits are enough for 2^80
 * messages: docs/decisions/0030-encryption.md.
 */
export const nonceBytes = 24
export const tagBytes = 16
export const secretBytes = 32

const blockBytes = 16
const gcmNonceBytes = 12

export class Xaes {
  // ECB keeps no state between whole blocks, so one cipher derives the keys of all messages.
  readonly #block: ReturnType<typeof createCipheriv>
  /** Both input blocks of the derivation, the subkey of CMAC already in them; the nonce comes on top. */
  readonly #template: Buffer

  constructor(secret: Uint8Array) {
    this.#block = createCipheriv('aes-256-ecb', secret, null).setAutoPadding(false)
    const subkey = doubled(this.#block.update(Buffer.alloc(blockBytes)))
    this.#template = Buffer.concat([subkey, subkey])
    // Counter, label 'X', and a zero: [i]₂ || Label || 0x00.
    for (const [at, counter] of [
      [0, 1],
      [blockBytes, 2],
    ] as const) {
      this.#template[at + 1]! ^= counter
      this.#template[at + 2]! ^= 0x58
    }
  }

  /** Writes ciphertext and tag to `target` from `at` on, and answers where they end. */
  seal(nonce: Uint8Array, aad: Uint8Array, plain: Uint8Array, target: Buffer, at: number): number {
    const cipher = createCipheriv('aes-256-gcm', this.#derive(nonce), nonce.subarray(12))
    cipher.setAAD(aad)
    const sealed = cipher.update(plain)
    cipher.final()
    target.set(sealed, at)
    target.set(cipher.getAuthTag(), at + sealed.length)
    return at + sealed.length + tagBytes
  }

  /** What was sealed; `undefined` where one bit of it, of the nonce or of `aad` is another. */
  open(nonce: Uint8Array, aad: Uint8Array, sealed: Uint8Array): Buffer | undefined {
    const end = sealed.byteLength - tagBytes
    if (end < 0) return undefined
    const decipher = createDecipheriv('aes-256-gcm', this.#derive(nonce), nonce.subarray(12), {
      authTagLength: tagBytes,
    })
    decipher.setAAD(aad)
    decipher.setAuthTag(sealed.subarray(end))
    try {
      const plain = decipher.update(sealed.subarray(0, end))
      decipher.final()
      return plain
    } catch {
      return undefined
    }
  }

  #derive(nonce: Uint8Array): Buffer {
    const blocks = Buffer.from(this.#template)
    for (let index = 0; index < gcmNonceBytes; index++) {
      const byte = nonce[index]!
      blocks[4 + index]! ^= byte
      blocks[blockBytes + 4 + index]! ^= byte
    }
    return this.#block.update(blocks)
  }
}

/** Times x in GF(2^128), as CMAC makes its subkey (NIST SP 800-38B, 6.1). */
function doubled(block: Buffer): Buffer {
  const result = Buffer.alloc(blockBytes)
  for (let index = 0; index < blockBytes; index++)
    result[index] = (block[index]! << 1) | ((block[index + 1] ?? 0) >> 7)
  if ((block[0]! & 0x80) !== 0) result[blockBytes - 1]! ^= 0x87
  return result
}
