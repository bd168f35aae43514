import type { KeyHash } from './hashes/key-hash.ts'

/** From a key to its hash: the first half of every lookup. */
export interface KeyHasher {
  /** Signed 32 bits. */
  hash(key: string | Uint8Array): number
  /** The part of the key that is hashed, of the same kind as the key. */
  hashed(key: string | Uint8Array): string | Uint8Array
}

const encoder = new TextEncoder()
const whole: readonly [number, number] = [0, -1]

/**
 * Hashes keys, or, with a tag of two bytes, only what stands between the first opening byte and the first closing
 * byte after it. The whole key counts where one of them is missing or nothing stands between them, even if a full
 * tag follows. An empty key's hash is 0 whatever the function. Source: measured on nutcracker 0.5.0.
 */
export function keyHasher(keyHash: KeyHash, hashTag: string | undefined): KeyHasher {
  if (hashTag === undefined) {
    return {
      hash(key) {
        if (key.length === 0) return 0
        return typeof key === 'string'
          ? keyHash.text(key, 0, key.length)
          : keyHash.bytes(key, 0, key.length)
      },
      hashed: (key) => key,
    }
  }

  const tag = encoder.encode(hashTag)
  const opening = tag[0]!
  const closing = tag[1]!
  // Bytes below 0x80 occur in UTF-8 only as themselves, so such a tag can be looked for in the text.
  const inText = opening < 0x80 && closing < 0x80
  const [openingText, closingText] = inText ? [hashTag[0]!, hashTag[1]!] : ['', '']

  const inBytes = (key: Uint8Array): readonly [number, number] => {
    const open = key.indexOf(opening)
    const close = open < 0 ? -1 : key.indexOf(closing, open + 1)
    return close - open > 1 ? [open + 1, close] : whole
  }
  const hashBytes = (key: Uint8Array): number => {
    const [start, end] = inBytes(key)
    return keyHash.bytes(key, start, end < 0 ? key.length : end)
  }

  return {
    hash(key) {
      if (key.length === 0) return 0
      if (typeof key !== 'string') return hashBytes(key)
      if (!inText) return hashBytes(encoder.encode(key))
      const open = key.indexOf(openingText)
      const close = open < 0 ? -1 : key.indexOf(closingText, open + 1)
      return close - open > 1
        ? keyHash.text(key, open + 1, close)
        : keyHash.text(key, 0, key.length)
    },
    hashed(key) {
      const bytes = typeof key === 'string' ? encoder.encode(key) : key
      const [start, end] = inBytes(bytes)
      if (end < 0) return key
      const part = bytes.subarray(start, end)
      // A tag of non-ASCII bytes may cut a character in two: then the bytes are what was hashed.
      return typeof key === 'string' && inText ? new TextDecoder().decode(part) : part
    },
  }
}
