import { KeyError } from '../errors.ts'
import type { KeyHash } from './hashes/key-hash.ts'

/** From a key to its hash: the first half of every lookup. */
export interface KeyHasher {
  /** Signed 32 bits. */
  hash(key: string | Uint8Array): number
  /** The part of the key that is hashed, of the same kind as the key. */
  hashed(key: string | Uint8Array): string | Uint8Array
}

const encoder = new TextEncoder()
const decoder = new TextDecoder()

/**
 * Hashes keys, or, with a tag of two bytes, only what stands between the first opening byte and the first closing
 * byte after it. The whole key counts where one of them is missing or nothing stands between them, even if a full
 * tag follows. An empty key's hash is 0 whatever the function. Source: measured on nutcracker 0.5.0.
 */
export function keyHasher(keyHash: KeyHash, hashTag: string | undefined): KeyHasher {
  return hashTag === undefined ? new WholeKeyHasher(keyHash) : new TagHasher(keyHash, hashTag)
}

// Classes, not closures: see KeyHash.
class WholeKeyHasher implements KeyHasher {
  readonly #keyHash: KeyHash

  constructor(keyHash: KeyHash) {
    this.#keyHash = keyHash
  }

  hash(key: string | Uint8Array): number {
    if (typeof key === 'string') {
      return key.length === 0 ? 0 : this.#keyHash.text(key, 0, key.length)
    }
    refuseOtherThanBytes(key)
    return key.length === 0 ? 0 : this.#keyHash.bytes(key, 0, key.length)
  }

  hashed(key: string | Uint8Array): string | Uint8Array {
    return key
  }
}

class TagHasher implements KeyHasher {
  readonly #keyHash: KeyHash
  readonly #tag: Uint8Array
  readonly #opening: string
  readonly #closing: string
  /** Bytes below 0x80 occur in UTF-8 only as themselves, so a tag of such can be looked for in the text. */
  readonly #inText: boolean

  constructor(keyHash: KeyHash, hashTag: string) {
    this.#keyHash = keyHash
    this.#tag = encoder.encode(hashTag)
    this.#inText = hashTag.length === this.#tag.length
    this.#opening = hashTag.charAt(0)
    this.#closing = hashTag.charAt(1)
  }

  hash(key: string | Uint8Array): number {
    if (typeof key !== 'string') refuseOtherThanBytes(key)
    if (key.length === 0) return 0
    if (typeof key === 'string' && this.#inText) {
      const open = key.indexOf(this.#opening)
      const close = open < 0 ? -1 : key.indexOf(this.#closing, open + 1)
      return close - open > 1
        ? this.#keyHash.text(key, open + 1, close)
        : this.#keyHash.text(key, 0, key.length)
    }
    const bytes = typeof key === 'string' ? encoder.encode(key) : key
    const part = this.#partOf(bytes)
    return this.#keyHash.bytes(part, 0, part.length)
  }

  hashed(key: string | Uint8Array): string | Uint8Array {
    const bytes = typeof key === 'string' ? encoder.encode(key) : key
    const part = this.#partOf(bytes)
    if (part === bytes) return key
    // A tag of non-ASCII bytes may cut a character in two: then the bytes are what was hashed.
    return typeof key === 'string' && this.#inText ? decoder.decode(part) : part
  }

  #partOf(key: Uint8Array): Uint8Array {
    const open = key.indexOf(this.#tag[0]!)
    const close = open < 0 ? -1 : key.indexOf(this.#tag[1]!, open + 1)
    return close - open > 1 ? key.subarray(open + 1, close) : key
  }
}

/** @throws KeyError for what the compiler could not stop: numbers and objects would all hash alike. */
export function refuseOtherThanBytes(key: unknown): void {
  if (key instanceof Uint8Array) return
  throw new KeyError(
    `a key must be text or bytes (Uint8Array), got ${key === null ? 'null' : typeof key}`,
  )
}
