import { createHash } from 'node:crypto'
import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { KeyHash } from './key-hash.ts'
import { libmemcachedHashes, ownHashes, twemproxyHashes } from './named-hashes.ts'

const all: [string, KeyHash][] = [
  ...Object.entries({ ...libmemcachedHashes, ...ownHashes }),
].flatMap(([name, make]) => [
  [`${name}, signed`, make('signed')],
  [`${name}, unsigned`, make('unsigned')],
])
const utf8 = (text: string) => new TextEncoder().encode(text)
const hashText = (hash: KeyHash, text: string) => hash.text(text, 0, text.length)
const hashBytes = (hash: KeyHash, bytes: Uint8Array) => hash.bytes(bytes, 0, bytes.length)

describe.each(all)('%s', (_name, hash) => {
  it('hashes a text as its UTF-8 bytes', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (text) => {
        expect(hashText(hash, text)).toBe(hashBytes(hash, utf8(text)))
      }),
    )
  })

  it('hashes a part of a text as that part alone', () => {
    fc.assert(
      fc.property(
        fc.string(),
        fc.string({ unit: 'grapheme' }),
        fc.string(),
        (before, part, after) => {
          const start = before.length
          const end = start + part.length
          expect(hash.text(before + part + after, start, end)).toBe(hashText(hash, part))
          const bytes = utf8(before + part + after)
          const from = utf8(before).length
          expect(hash.bytes(bytes, from, from + utf8(part).length)).toBe(hashText(hash, part))
        },
      ),
    )
  })

  it('gives a signed 32-bit number, for long keys too', () => {
    for (const text of [
      '',
      'a',
      'ab',
      'abc',
      'x'.repeat(5000),
      'é'.repeat(5000),
      'y'.repeat(9000),
    ]) {
      const value = hashText(hash, text)
      expect(value).toBe(value | 0)
      expect(value).toBe(hashBytes(hash, utf8(text)))
    }
  })
})

describe('published answers', () => {
  const unsigned = (name: keyof typeof twemproxyHashes, text: string) =>
    hashText(twemproxyHashes[name]('signed'), text) >>> 0

  it('knows FNV of 32 bits', () => {
    expect(unsigned('fnv1_32', 'foobar')).toBe(0x31f0b262)
    expect(unsigned('fnv1a_32', 'foobar')).toBe(0xbf9cf968)
  })

  it('keeps the low half of FNV of 64 bits', () => {
    expect(unsigned('fnv1_64', 'foobar')).toBe(lowHalfOfFnv64('foobar', false))
    expect(unsigned('fnv1a_64', 'foobar')).toBe(lowHalfOfFnv64('foobar', true))
  })

  it('knows CRC-16/XMODEM in its low half', () => {
    expect(unsigned('crc16', '123456789') & 0xffff).toBe(0x31c3)
  })

  it('knows CRC-32, and 15 bits of it', () => {
    expect(unsigned('crc32a', '123456789')).toBe(0xcbf43926)
    expect(unsigned('crc32', '123456789')).toBe((0xcbf43926 >>> 16) & 0x7fff)
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect(hashBytes(twemproxyHashes.crc32a(), bytes) >>> 0).toBe(crc32(bytes))
      }),
    )
  })

  it('knows MD5 of every length around its block size', () => {
    for (let length = 0; length < 200; length++) {
      const bytes = Uint8Array.from({ length }, (_, i) => (i * 37 + length) & 0xff)
      const digest = createHash('md5').update(bytes).digest()
      expect(hashBytes(twemproxyHashes.md5(), bytes)).toBe(digest.readInt32LE(0))
    }
  })

  it('knows MurmurHash3', () => {
    expect(hashText(ownHashes.murmur3(), 'hello') >>> 0).toBe(0x248bfa47)
    expect(hashText(ownHashes.murmur3(), 'hello, world') >>> 0).toBe(0x149bbb7f)
  })

  it('reads bytes from 0x80 as the sign says, in six hashes and in no others', () => {
    const differing = Object.entries(twemproxyHashes)
      .filter(([, make]) =>
        ['é', 'aé', 'abé', 'aéb'].some(
          (key) => hashText(make('signed'), key) !== hashText(make('unsigned'), key),
        ),
      )
      .map(([name]) => name)
    expect(differing).toEqual([
      'one_at_a_time',
      'fnv1_64',
      'fnv1a_64',
      'fnv1_32',
      'fnv1a_32',
      'hsieh',
    ])
  })
})

function lowHalfOfFnv64(text: string, byteFirst: boolean): number {
  let hash = 0xcbf29ce484222325n
  for (const byte of utf8(text)) {
    if (byteFirst) hash ^= BigInt(byte)
    hash = BigInt.asUintN(64, hash * 0x100000001b3n)
    if (!byteFirst) hash ^= BigInt(byte)
  }
  return Number(hash & 0xffffffffn)
}
