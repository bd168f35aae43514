import { Murmur3 } from './hashes/murmur3.ts'
import { refuseOtherThanBytes } from './key-hasher.ts'
import type { RingMember } from './placement.ts'

const murmur3 = new Murmur3()
const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

/**
 * pymemcache's `HashClient`: each server scores the text `server-key` by murmur3_32, the highest score takes the
 * key, of equal scores the name that comes last. Its hash reads the low byte of each code point, not UTF-8, so keys
 * are texts here; bytes are read as the UTF-8 of one. (A Python `bytes` key is hashed by its `repr`: to find such a
 * key, pass the text `b'…'`.) Source: pymemcache, client/rendezvous.py and client/murmur3.py.
 */
export function pymemcacheScores(live: readonly RingMember[]): {
  winner(key: string | Uint8Array): { index: number; score: number }
} {
  const prefixes = live.map((member) => lowBytes(`${member.ringName}-`))
  return {
    winner(key) {
      if (typeof key !== 'string') refuseOtherThanBytes(key)
      const suffix = lowBytes(typeof key === 'string' ? key : decoder.decode(key))
      let best = 0
      let bestScore = -1
      for (let i = 0; i < live.length; i++) {
        const score = scoreOf(prefixes[i]!, suffix)
        const later = () => comparePython(live[i]!.ringName, live[best]!.ringName) > 0
        if (score > bestScore || (score === bestScore && later())) {
          best = i
          bestScore = score
        }
      }
      return { index: live[best]!.index, score: bestScore }
    },
  }
}

function scoreOf(prefix: Uint8Array, suffix: Uint8Array): number {
  const joined = new Uint8Array(prefix.length + suffix.length)
  joined.set(prefix)
  joined.set(suffix, prefix.length)
  return murmur3.bytes(joined, 0, joined.length) >>> 0
}

const lowBytes = (text: string): Uint8Array =>
  Uint8Array.from(text, (character) => character.codePointAt(0)! & 0xff)

/** Python compares texts by code points, JavaScript by UTF-16 units. */
function comparePython(a: string, b: string): number {
  const left = [...a]
  const right = [...b]
  for (let i = 0; i < left.length && i < right.length; i++) {
    const difference = left[i]!.codePointAt(0)! - right[i]!.codePointAt(0)!
    if (difference !== 0) return difference
  }
  return left.length - right.length
}
